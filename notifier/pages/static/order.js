/* Counts down to the end of a day; without this the page says the same in whole days. */
(function () {
  var lang = document.documentElement.lang || undefined;
  if (!window.Intl || !Intl.NumberFormat || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  function unit(count, name) {
    return new Intl.NumberFormat(lang, { style: "unit", unit: name, unitDisplay: "long", numberingSystem: "latn" }).format(count);
  }
  function tick() {
    document.querySelectorAll("[data-over]").forEach(function (place) {
      var minutes = Math.floor((Date.parse(place.dataset.over) - Date.now()) / 60000);
      if (minutes < 0) return;
      var words = [unit(Math.floor(minutes / 60) % 24, "hour"), unit(minutes % 60, "minute")];
      if (minutes >= 1440) words.unshift(unit(Math.floor(minutes / 1440), "day"));
      var text = words.join(" ");
      if (place.textContent !== text) place.textContent = text;
    });
  }
  try { tick(); setInterval(tick, 1000); } catch (error) { /* a browser too old for units keeps the days */ }
})();
