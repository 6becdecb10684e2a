// Filters the questions, and shows them a few at a time. The page is whole without it.
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const questions = [...document.querySelectorAll("#questions > details")];
  const more = document.getElementById("more");
  const count = document.getElementById("count");
  const AT_ONCE = 100;
  const plain = (text) => text.normalize("NFC").toLowerCase();
  const texts = new Map(); // filled by the first search
  const textOf = (question) => {
    if (!texts.has(question)) texts.set(question, plain(question.textContent));
    return texts.get(question);
  };
  let limit = AT_ONCE;

  const chosen = (name) => form.elements[name]?.value ?? "";
  const matches = (question) => {
    const { kind, language, right, wrong, refused } = question.dataset;
    const result = chosen("result"), mode = chosen("mode"), text = plain(chosen("text").trim());
    const those = result && ({ right, wrong, refused })[result].split(" ");
    return (!chosen("kind") || chosen("kind") === kind)
      && (!chosen("language") || chosen("language") === language)
      && (!mode || `${right} ${wrong}`.split(" ").includes(mode))
      && (!result || (mode ? those.includes(mode) : those[0] !== ""))
      && (!text || textOf(question).includes(text));
  };

  const show = () => {
    let found = 0;
    for (const question of questions) {
      const match = matches(question);
      found += match;
      question.hidden = !match;
      question.classList.toggle("later", match && found > limit);
    }
    count.textContent = count.dataset.pattern.replace("##", questions.length).replace("#", found);
    more.parentElement.hidden = found <= limit;
  };

  // A link to a question opens it, wherever the filters have put it.
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!questions.includes(target)) return;
    target.open = true;
    target.hidden = false;
    target.classList.remove("later");
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  };

  form.addEventListener("input", () => { limit = AT_ONCE; show(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => { limit += AT_ONCE; show(); });
  window.addEventListener("hashchange", open);
  form.hidden = false;
  show();
  open();
})();
