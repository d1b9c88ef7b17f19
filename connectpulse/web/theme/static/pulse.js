// What pages need beyond HTML: the menu, the theme, searching selects, and a second thought before acts.
(() => {
  const root = document.documentElement;
  const on = (type, selector, act) =>
    document.addEventListener(type, (event) => {
      const found = event.target.closest?.(selector);
      if (found) act(found, event);
    });

  const side = document.querySelector("#side");
  const here = side?.querySelector("[aria-current]");
  const showHere = () => {
    if (here && here.offsetTop + here.offsetHeight > side.clientHeight) side.scrollTop = here.offsetTop - side.clientHeight / 2;
  };
  showHere();

  const menu = (isOpen) => {
    document.body.classList.toggle("menu-open", isOpen);
    document.querySelector("[data-menu]")?.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) return;
    side?.querySelector("a")?.focus({ preventScroll: true });
    showHere();
  };
  on("click", "[data-menu]", () => menu(!document.body.classList.contains("menu-open")));
  on("click", "[data-menu-close]", () => menu(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.classList.contains("menu-open")) {
      menu(false);
      document.querySelector("[data-menu]")?.focus();
    }
  });

  on("click", "[data-theme-switch]", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
  });

  on("change", "[data-submit]", (field) => field.form.requestSubmit());

  on("submit", "form[data-ask]", (form, event) => {
    if (!confirm(form.dataset.ask)) event.preventDefault();
  });

  // A second click must not send a form twice; the server would refuse it, but people should not see that.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) {
      if (!form.hasAttribute?.("data-once") || event.defaultPrevented) return;
    }
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    }
  });

  on("click", "[data-insert]", (chip) => {
    const field = chip.closest("form").querySelector("textarea");
    if (!field) return;
    field.setRangeText(chip.dataset.insert, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  const pick = (select) => {
    const url = () => {
      const address = new URL(select.dataset.pick, location.href);
      const channel = select.form?.elements.channel?.value;
      if (channel) address.searchParams.set("channel", channel);
      return address;
    };
    const made = new TomSelect(select, {
      valueField: "value",
      labelField: "text",
      searchField: [],
      preload: "focus",
      maxOptions: 40,
      plugins: [],
      placeholder: "Type to search",
      closeAfterSelect: !select.multiple,
      hideSelected: true,
      hidePlaceholder: false,
      onDelete: () => select.multiple || !select.required,
      load(words, done) {
        const address = url();
        if (words) address.searchParams.set("q", words);
        fetch(address, { headers: { "HX-Request": "true" } })
          .then((answer) => (answer.ok ? answer.json() : { results: [] }))
          .then((answer) => {
            made.clearOptions((option) => made.items.includes(String(option.value)));
            done(answer.results);
          })
          .catch(() => done());
      },
      shouldLoad: () => true,
    });
    select.form?.elements.channel?.addEventListener?.("change", () => {
      made.clear();
      made.clearOptions();
    });
  };
  for (const select of document.querySelectorAll("select[data-pick]")) pick(select);
})();
