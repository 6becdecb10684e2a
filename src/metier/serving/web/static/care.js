// Watches a sync that runs, offers names of documents while one is typed, and forgets the message about what was just
// done, so that a reload does not tell it again.
const EVERY = 700; // ms between two looks at a sync
const PAUSE = 200; // ms without typing

const { root } = document.body.dataset; // path below which the page stands
const here = new URL(location.href);
if (here.searchParams.has("said")) {
  here.searchParams.delete("said");
  history.replaceState(null, "", here);
}

const running = document.getElementById("running");
if (running) watch(JSON.parse(document.body.dataset.words).care_progress);

const names = document.getElementById("document-names");
let typed;
document.querySelector("[list=document-names]")?.addEventListener("input", ({ target }) => {
  clearTimeout(typed);
  typed = setTimeout(async () => {
    const response = await fetch(`${root}/chat/documents?${new URLSearchParams({ name: target.value })}`);
    if (!response.ok) return;
    names.replaceChildren(...(await response.json()).map((name) => new Option(name, name)));
  }, PAUSE);
});

async function watch(told) {
  for (;;) {
    await new Promise((later) => setTimeout(later, EVERY));
    let state;
    try {
      const response = await fetch(`${root}/sources/progress`);
      if (!response.ok) return;
      state = await response.json();
    } catch {
      continue; // the server may be busy, or back soon
    }
    if (!state.running) {
      location.reload();
      return;
    }
    if (state.total !== null) show(state, told);
  }
}

function show({ done, total, item }, told) {
  const bar = running.querySelector("progress");
  bar.max = total;
  bar.value = done;
  document.getElementById("at").textContent = told.replace("{done}", done).replace("{total}", total);
  document.getElementById("item").textContent = item;
}
