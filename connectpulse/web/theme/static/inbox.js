// Answering by keyboard: Ctrl+Enter sends, "/" finds a canned answer, and one sees the end of what was said.
(() => {
  const form = document.querySelector("form[data-sends]");
  if (location.hash === "#newest") document.querySelector("#newest")?.scrollIntoView({ block: "nearest" });
  if (!form) return;
  const text = form.querySelector("[data-canned]");
  const list = form.querySelector("#canned");
  const { way, sender } = form.elements;
  const options = [...list.querySelectorAll("[data-text]")];
  const channel = () => way.selectedOptions[0]?.dataset.channel;

  const fitSenders = () => {
    const fits = [...sender.options].filter((each) => {
      each.hidden = each.disabled = each.dataset.way !== way.value;
      return !each.hidden;
    });
    if (!fits.includes(sender.selectedOptions[0]) && fits.length) fits[0].selected = true;
  };
  way.addEventListener("change", fitSenders);
  fitSenders();

  // What stands between the last slash that begins a word and the caret is what is searched for.
  const asked = () => /(?:^|\s)\/([^/\n]{0,40})$/.exec(text.value.slice(0, text.selectionStart));
  const shown = () => options.filter((each) => !each.hidden);
  const choose = (option) => options.forEach((each) => each.setAttribute("aria-selected", String(each === option)));
  const chosen = () => options.find((each) => each.getAttribute("aria-selected") === "true" && !each.hidden);
  const close = () => { list.hidden = true; choose(null); };

  const search = () => {
    const found = asked();
    if (!found) return close();
    const words = found[1].trim().toLowerCase();
    for (const each of options) {
      const fits = !each.dataset.channel || each.dataset.channel === channel();
      each.hidden = !fits || !each.textContent.toLowerCase().includes(words);
    }
    list.hidden = options.length > 0 && shown().length === 0;
    if (!chosen()) choose(shown()[0]);
  };
  const insert = (option) => {
    const found = asked();
    const end = text.selectionStart;
    const start = found ? end - found[1].length - 1 : end;
    text.setRangeText(option.dataset.text, start, end, "end");
    close();
    text.focus();
    text.dispatchEvent(new Event("input", { bubbles: true }));
  };
  text.addEventListener("input", search);
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[data-text]");
    if (option) insert(option);
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      return form.requestSubmit();
    }
    if (list.hidden) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const rows = shown();
      choose(rows[(rows.indexOf(chosen()) + step + rows.length) % rows.length]);
    } else if (event.key === "Enter" && chosen()) insert(chosen());
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
})();
