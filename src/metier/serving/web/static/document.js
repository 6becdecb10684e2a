// The list is filtered while a name is typed; a document is scrolled to what is cited; "Back" goes where one came from.

const words = JSON.parse(document.body.dataset.words);
const { root } = document.body.dataset; // path below which the page stands
const PAUSE = 200; // milliseconds without a key
const SEEN = "metier.documents.seen";
const MOST_SEEN = 200;

const cited = document.querySelector("#cited, tr.cited");
if (cited && performance.getEntriesByType("navigation")[0]?.type === "navigate") cited.scrollIntoView({ block: "center" });

// Which entries of the history are documents is remembered here: the browser does not tell, since no referrer is sent.
const back = document.querySelector("#back");
if (back && window.navigation?.currentEntry) {
  const seen = new Set(JSON.parse(sessionStorage.getItem(SEEN) ?? "[]")).add(navigation.currentEntry.key);
  sessionStorage.setItem(SEEN, JSON.stringify([...seen].slice(-MOST_SEEN)));
  const from = navigation.entries().slice(0, navigation.currentEntry.index).findLast((entry) => !seen.has(entry.key));
  if (from) {
    back.textContent = words.document_back;
    back.addEventListener("click", (event) => {
      event.preventDefault();
      navigation.traverseTo(from.key);
    });
  }
}

const filter = document.querySelector("#filter");
if (filter) {
  let waiting, asking;
  filter.q.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(list, PAUSE);
  });
  async function list() {
    asking?.abort();
    asking = new AbortController();
    const shown = document.querySelector("#listed");
    const address = `${root}/documents?${new URLSearchParams({ q: filter.q.value })}`;
    shown.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { headers: { accept: "text/html" }, signal: asking.signal });
      if (!answer.ok || answer.redirected) return location.assign(address);
      const made = new DOMParser().parseFromString(await answer.text(), "text/html");
      shown.replaceChildren(...made.querySelector("#listed").childNodes);
      history.replaceState(null, "", address);
      shown.removeAttribute("aria-busy");
    } catch (error) {
      if (error.name !== "AbortError") filter.submit();
    }
  }
}
