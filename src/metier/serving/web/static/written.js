// The text of an answer while it is written: pieces as they come, and behind each sentence, as soon as it is checked,
// what carries it. The server's own rendering takes its place at the end.

export class Written {
  // `element`: where the text stands; `word`: from a key and values to what is said in the page's language;
  // `root`: path below which the page stands.
  constructor(element, word, root) {
    this.element = element;
    this.word = word;
    this.root = root;
    this.rest = document.createTextNode(""); // behind the last sentence that was checked
    this.at = 0; // of its first character, counted as the server counts: in code points
    this.numbers = new Map();
    element.replaceChildren(this.rest);
  }

  get text() {
    return this.element.dataset.text ?? "";
  }

  add(piece) {
    this.element.dataset.text = this.text + piece;
    this.rest.data += piece;
  }

  mark({ start, end, support, reason, citations }) {
    const characters = [...this.rest.data];
    if (start < this.at || end - this.at > characters.length) return;
    const part = (from, to) => characters.slice(from - this.at, to - this.at).join("");
    const sources = ["carried", "partly"].includes(support) ? citations : [];
    const shown = document.createElement(sources.length ? "a" : "span");
    shown.textContent = part(start, end);
    if (reason) shown.title = reason;
    if (support === "not") shown.className = "unsupported";
    if (sources.length) {
      shown.className = support === "partly" ? "cited partly" : "cited";
      shown.href = this.root + sources[0].url;
      shown.append(this.number(sources[0]));
    }
    if (support === "not" || support === "partly") shown.append(this.doubt(support, reason));
    this.rest.before(part(this.at, start), shown, ...sources.slice(1).map((each) => this.more(each)));
    this.rest.data = part(end, Infinity);
    this.at = end;
  }

  more(source) {
    const link = document.createElement("a");
    link.className = "mark";
    link.href = this.root + source.url;
    link.append(this.number(source));
    return link;
  }

  number({ document_id, start, end }) {
    const key = `${document_id} ${start} ${end}`;
    if (!this.numbers.has(key)) this.numbers.set(key, this.numbers.size + 1);
    const number = this.numbers.get(key);
    const [mark, seen] = [document.createElement("sup"), document.createElement("span")];
    seen.ariaHidden = "true";
    seen.textContent = number;
    mark.append(this.told(` ${this.word("source", { number })}`), seen);
    return mark;
  }

  doubt(support, reason) {
    const said = this.word(support === "not" ? "unsupported" : "partly");
    return this.told(` (${reason ? `${said}: ${reason}` : said})`);
  }

  told(text) {
    const span = document.createElement("span");
    span.className = "told";
    span.textContent = text;
    return span;
  }
}
