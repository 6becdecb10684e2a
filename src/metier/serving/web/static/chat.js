// The conversation stands on the page: what is shown is what is kept over a reload and sent along as earlier turns.

import { Written } from "./written.js";

const words = JSON.parse(document.body.dataset.words);
const { root, token } = document.body.dataset; // root: path below which the page stands
const [form, box, turns, said] = ["ask", "q", "turns", "said"].map((id) => document.getElementById(id));
const [send, stop, fresh] = ["send", "stop", "new"].map((id) => document.getElementById(id));
const KEPT = `metier-chat${root}`; // another expert may stand beside this one
const MOST_TURNS = 20; // earlier questions that are sent along
const NEAR = 12; // pixels
let running = null; // AbortController of the question that is being answered

function word(key, values = {}) {
  return words[`chat_${key}`].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function made(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

// --- kept over a reload ---------------------------------------------------------------------------------------------

function keep() {
  const copy = turns.cloneNode(true);
  copy.querySelectorAll(".pending:not([data-text])").forEach((each) => each.remove());
  copy.querySelectorAll(".turn:not(:has(.answer))").forEach((each) => each.remove());
  while (copy.firstElementChild) {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ reader: turns.dataset.reader, html: copy.innerHTML }));
      break;
    } catch {
      copy.firstElementChild.remove(); // no room for all of it: the oldest goes
    }
  }
  show();
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  if (kept && kept.reader === turns.dataset.reader) turns.insertAdjacentHTML("afterbegin", kept.html);
  else sessionStorage.removeItem(KEPT); // what one may read is not for the next who signs in here
  if (location.search) {
    history.replaceState(null, "", `${root}/`); // its answer is on the page: a reload does not ask again
    keep();
  }
  show();
  turns.lastElementChild?.scrollIntoView();
}

function show() {
  const some = turns.childElementCount > 0;
  document.getElementById("start").hidden = some;
  fresh.hidden = !some;
}

// --- asking ---------------------------------------------------------------------------------------------------------

function earlier(turn, mode) {
  const before = [...turns.querySelectorAll(".turn")].filter(
    (each) => each.compareDocumentPosition(turn) & Node.DOCUMENT_POSITION_FOLLOWING,
  );
  return before.slice(-MOST_TURNS).flatMap((each) => {
    const answers = [...each.querySelectorAll(".answer[data-text]")];
    const answer = answers.find((one) => one.dataset.mode === mode) ?? answers[0];
    return answer
      ? [
          { role: "user", content: each.querySelector(".asked").textContent },
          { role: "assistant", content: answer.dataset.text },
        ]
      : [];
  });
}

async function ask(question, chosen) {
  const usable = [...form.querySelectorAll("[name=mode]:not(:disabled)")].map((each) => each.value);
  const modes = chosen === "all" ? usable.filter((each) => each !== "all") : [chosen];
  const turn = made("turn");
  turn.querySelector(".asked").textContent = question;
  const waiting = modes.map((mode) => {
    const section = made("pending");
    section.dataset.mode = mode;
    section.classList.add(mode === "rag+tuned" ? "both" : mode);
    section.querySelector("h3").textContent = form.querySelector(`[name=mode][value="${mode}"]`).parentElement.innerText.trim();
    section.querySelector(".state").textContent = word("waits");
    turn.querySelector(".answers").append(section);
    return section;
  });
  turns.append(turn);
  show();
  turn.scrollIntoView();
  const control = begin();
  // One after another, so that their times can be compared and nobody else has to wait for all of them.
  for (const section of waiting) await answered(section, question, turn, control);
  end();
  keep();
}

async function answered(section, question, turn, control) {
  const mode = section.dataset.mode;
  const [state, written] = [section.querySelector(".state"), new Written(section.querySelector(".text"), word, root)];
  if (control.signal.aborted) return stopped(section);
  state.textContent = word(mode.startsWith("rag") ? "reading" : "writing");
  said.textContent = state.textContent;
  try {
    const response = await fetch(`${root}/chat`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": token },
      body: JSON.stringify({ question, mode, history: earlier(turn, mode) }),
      signal: control.signal,
    });
    for await (const line of lines(response)) {
      control.signal.throwIfAborted(); // what came in the same read as the piece before it is not shown after a stop
      if (line.piece && !written.text) state.textContent = word("writing");
      if (line.piece) following(section, () => written.add(line.piece));
      if (line.sentence) following(section, () => written.mark(line.sentence));
      if (line.error) failed(section, question, problem(line, response));
      if (line.answer) {
        const shown = following(section, () => replaced(section, line.answer));
        const sources = shown.querySelectorAll("ol.sources > li").length;
        said.textContent = word("answered", { text: shown.dataset.text, sources });
      }
    }
    if (section.isConnected && !section.matches(".failed")) failed(section, question, word("broken"));
  } catch {
    if (control.signal.aborted) stopped(section);
    else failed(section, question, word("broken"));
  }
}

// Do what makes an answer longer. Where its end was in view before, it is in view after: above the box for questions.
function following(section, change) {
  const bottom = () => innerHeight - (getComputedStyle(form).position === "sticky" ? form.offsetHeight : 0);
  const seen = section.getBoundingClientRect().bottom <= bottom() + NEAR;
  const shown = change() ?? section;
  const hidden = shown.getBoundingClientRect().bottom + NEAR - bottom();
  if (seen && hidden > 0) scrollBy({ top: hidden, behavior: "instant" });
  return shown;
}

async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value = "\n" } = await reader.read();
    const whole = (rest + value).split("\n");
    rest = whole.pop();
    for (const line of whole) if (line.trim()) yield JSON.parse(line);
    if (done) return;
  }
}

function problem(line, response) {
  const status = line.status ?? response.status;
  const seconds = line.retry_after ?? response.headers.get("Retry-After") ?? 5;
  const key = { 401: "signed_out", 429: "busy", 503: "stopping", 504: "late" }[status];
  return key ? word(key, { seconds }) : line.error.message;
}

function failed(section, question, message) {
  const again = document.createElement("button");
  again.type = "button";
  again.className = "again";
  again.textContent = word("again");
  again.addEventListener("click", () => running || ask(question, section.dataset.mode));
  section.classList.add("failed");
  section.querySelector(".state").className = "state problem";
  section.querySelector(".state").textContent = message;
  section.append(again);
  said.textContent = message;
}

function stopped(section) {
  const { text } = section.querySelector(".text").dataset;
  if (text) section.dataset.text = text;
  section.querySelector(".state").textContent = said.textContent = word("stopped");
}

function begin() {
  running = new AbortController();
  turns.setAttribute("aria-busy", "true");
  send.hidden = true;
  stop.hidden = false;
  return running;
}

function end() {
  running = null;
  turns.removeAttribute("aria-busy");
  const hadFocus = document.activeElement === stop;
  send.hidden = false;
  stop.hidden = true;
  if (hadFocus) box.focus();
}

function submit() {
  const question = box.value.trim();
  if (!question || running) return;
  box.value = "";
  ask(question, new FormData(form).get("mode"));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit();
});
stop.addEventListener("click", () => running?.abort());
fresh.addEventListener("click", () => {
  running?.abort();
  turns.replaceChildren();
  sessionStorage.removeItem(KEPT);
  show();
  box.focus();
});

// --- what a person says about an answer -----------------------------------------------------------------------------

function replaced(element, html) {
  const made = document.createRange().createContextualFragment(html).firstElementChild;
  element.replaceWith(made);
  return made;
}

turns.addEventListener("submit", async (event) => {
  event.preventDefault();
  const sent = event.target;
  const trouble = sent.querySelector(".problem");
  trouble.textContent = "";
  try {
    const response = await fetch(sent.action, {
      method: "POST",
      headers: { Accept: "application/json", "X-CSRF-Token": token },
      body: new URLSearchParams(new FormData(sent, event.submitter)),
    });
    const answer = await response.json();
    if (response.ok) {
      replaced(sent, answer.html).focus();
      keep();
    } else trouble.textContent = problem(answer, response);
  } catch {
    trouble.textContent = word("broken");
  }
});

turns.addEventListener("click", (event) => {
  const again = event.target.closest("a.again");
  if (!again || running) return;
  event.preventDefault();
  const asked = new URL(again.href).searchParams;
  ask(asked.get("q"), asked.get("mode"));
});

turns.addEventListener("change", ({ target }) => {
  if (target.name !== "passage") return;
  const text = target.form.elements.text;
  const untouched = [...target.options].some((each) => each.dataset.text === text.value);
  if (untouched) text.value = target.selectedOptions[0].dataset.text;
});

let typed = 0;
turns.addEventListener("input", ({ target }) => {
  if (target.name !== "document") return;
  clearTimeout(typed);
  typed = setTimeout(async () => {
    const response = await fetch(`${root}/chat/documents?${new URLSearchParams({ name: target.value })}`);
    if (!response.ok) return;
    const options = (await response.json()).map((name) => Object.assign(document.createElement("option"), { value: name }));
    document.getElementById("document-names").replaceChildren(...options);
  }, 200);
});

new ResizeObserver(() => {
  document.documentElement.style.setProperty("--asking", `${form.offsetHeight}px`);
}).observe(form);
document.getElementById("keys").hidden = false;
restore();
if (turns.dataset.ask) {
  const { ask: question, mode } = turns.dataset;
  delete turns.dataset.ask; // what is kept of the page must not ask again
  box.value = "";
  ask(question, mode);
}
