// The studio's editor: CodeMirror over the page's own text field, and a preview that follows what is typed.
// Without this script the page has the text field and its buttons, and does the same.
import { basicSetup } from "codemirror";
import { html } from "@codemirror/lang-html";
import { jinja } from "@codemirror/lang-jinja";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const PAUSE = 500; // milliseconds without a key before what was typed is looked at

const field = document.getElementById("source");
const form = field.form;
const nonce = document.currentScript?.nonce ?? "";
const list = document.getElementById("problems");
const subject = document.getElementById("subject");

const theme = EditorView.theme({
  "&": { border: "1px solid var(--soft)", borderRadius: "8px", background: "var(--card)", color: "var(--ink)" },
  "&.cm-focused": { outline: "3px solid var(--link)" },
  ".cm-scroller": { font: "14px/22px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace", minHeight: "360px", maxHeight: "720px" },
  ".cm-gutters": { background: "var(--tint)", color: "var(--soft)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { background: "var(--tint)" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "var(--line)" },
  ".cm-panels, .cm-tooltip": { background: "var(--card)", color: "var(--ink)" },
});

// The page's own colours, which have contrast enough in both schemes.
const inks = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.definitionKeyword, tags.operatorKeyword], color: "var(--link)", fontWeight: "bold" },
  { tag: [tags.string, tags.special(tags.string), tags.attributeValue], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--wait)" },
  { tag: [tags.comment, tags.meta, tags.processingInstruction], color: "var(--soft)" },
  { tag: [tags.tagName, tags.attributeName, tags.function(tags.variableName)], color: "var(--link)" },
  { tag: [tags.variableName, tags.propertyName, tags.definition(tags.variableName)], color: "var(--ink)" },
]);

const view = new EditorView({
  doc: field.value,
  extensions: [
    basicSetup,
    jinja({ base: html() }),
    lintGutter(),
    EditorView.lineWrapping,
    EditorView.cspNonce.of(nonce),
    EditorView.contentAttributes.of({ tabindex: "0", "aria-label": field.labels[0].textContent, "aria-describedby": "problems" }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) changed();
    }),
    theme,
    syntaxHighlighting(inks),
  ],
});
field.hidden = true;
field.after(view.dom);

let waiting, looking;
function changed() {
  field.value = view.state.doc.toString();
  clearTimeout(waiting);
  waiting = setTimeout(look, PAUSE);
}

async function look() {
  form.requestSubmit(document.getElementById("see"));
  looking?.abort();
  looking = new AbortController();
  try {
    const answer = await fetch(`${form.getAttribute("action")}/problems`, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      signal: looking.signal,
    });
    if (answer.ok) show(await answer.json());
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

function show(seen) {
  subject.textContent = seen.subject ?? "It does not render.";
  document.getElementById("second").textContent = seen.second ?? "";
  document.getElementById("other").hidden = !seen.second;
  list.replaceChildren(
    ...seen.problems.map((problem) => {
      const item = document.createElement("li");
      const place = document.createElement("button");
      place.type = "button";
      place.className = "button quiet small";
      place.textContent = `Line ${problem.line}`;
      place.addEventListener("click", () => goTo(problem.line));
      const words = document.createElement("span");
      words.textContent = problem.reason;
      const why = document.createElement("small");
      why.textContent = problem.explanation;
      item.append(place, words, why);
      return item;
    }),
  );
  document.getElementById("verdict").textContent = seen.problems.length
    ? `${seen.problems.length} to mend before it can be published`
    : "It can be published.";
  const last = view.state.doc.lines;
  view.dispatch(
    setDiagnostics(
      view.state,
      seen.problems.map((problem) => {
        const line = view.state.doc.line(Math.min(Math.max(problem.line, 1), last));
        return { from: line.from, to: line.to, severity: "error", message: problem.reason };
      }),
    ),
  );
}

function goTo(number) {
  const line = view.state.doc.line(Math.min(number, view.state.doc.lines));
  view.dispatch({ selection: { anchor: line.from }, scrollIntoView: true });
  view.focus();
}

for (const button of document.querySelectorAll("button[data-insert]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    view.dispatch(view.state.replaceSelection(button.dataset.insert));
    view.focus();
  });
}
form.addEventListener("change", (event) => {
  if (event.target !== field) look();
});
look();
