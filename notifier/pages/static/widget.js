/* Says on a shop's product page when goods on backorder ship. No dependencies; see docs/widget.md.
   <script src="https://notifier.example/widget.js" data-store="pk_…" data-sku="ORN-RED" async></script>
   Without data-sku it fills every element that has data-notifier-sku. */
(() => {
  'use strict';
  const script = document.currentScript;
  const warn = (why) => console.warn('notifier widget: ' + why);
  if (!script || !script.src) return warn('load it as a classic script with a src, not as a module');
  const { store, sku, locale } = script.dataset;
  if (!store) return warn('data-store is missing: the public key from the settings, pk_…');
  const origin = new URL(script.src).origin;

  const show = async (place, wanted) => {
    if (place.dataset.notifierDone) return;
    place.dataset.notifierDone = 'asked';
    // It is a live region before it has words, so that these are read out when they come.
    if (!place.hasAttribute('role')) place.setAttribute('role', 'status');
    const url = new URL(origin + '/widget/v1/' + encodeURIComponent(store) + '/' + encodeURIComponent(wanted));
    if (locale) url.searchParams.set('locale', locale);
    try {
      const answer = await fetch(url, { credentials: 'omit', referrerPolicy: 'no-referrer' });
      const told = await answer.json();
      if (!answer.ok) return warn(wanted + ': ' + told.detail);
      place.dataset.state = told.state;
      if (!told.text) return;
      place.lang = told.locale;
      place.dir = told.dir;
      place.textContent = told.text;
    } catch (error) {
      warn(wanted + ': ' + error.message);
    }
  };

  const start = () => {
    if (sku) {
      const place = document.createElement('p');
      place.className = 'notifier-backorder';
      if (script.closest('body')) script.after(place);
      else return warn('put the script where the words shall stand, or leave data-sku out and mark a place with data-notifier-sku');
      return show(place, sku);
    }
    const places = document.querySelectorAll('[data-notifier-sku]');
    if (!places.length) return warn('no data-sku, and no element with data-notifier-sku');
    places.forEach((place) => show(place, place.dataset.notifierSku));
  };
  if (sku || document.readyState !== 'loading') start();
  else document.addEventListener('DOMContentLoaded', start);
})();
