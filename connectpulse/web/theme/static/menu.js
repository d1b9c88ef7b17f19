// The sidebar: opened on phones, folded as people left it, and searched. Loaded right behind it, before the page is drawn.
(() => {
  const side = document.querySelector("#side");
  const here = side.querySelector("[aria-current]");
  const showHere = () => {
    if (here && here.offsetTop + here.offsetHeight > side.clientHeight) side.scrollTop = here.offsetTop - side.clientHeight / 2;
  };

  const name = (fold) => fold.querySelector("summary").textContent;
  const folds = [...side.querySelectorAll("[data-fold]")];
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem("menu")) ?? {};
  } catch {
    localStorage.removeItem("menu");  // it is not ours to read
  }
  for (const fold of folds) {
    if (!fold.contains(here)) fold.open = kept[name(fold)] ?? fold.open;
    fold.querySelector("summary").addEventListener("click", () => {
      kept[name(fold)] = !fold.open;
      localStorage.setItem("menu", JSON.stringify(kept));
    });
  }
  showHere();

  const find = side.querySelector("[data-menu-find]");
  const links = [...side.querySelectorAll("li a")];
  let before;
  const fits = (element, wanted) => element?.textContent.toLowerCase().includes(wanted);
  const search = () => {
    const wanted = find.value.trim().toLowerCase();
    before ??= new Map(folds.map((fold) => [fold, fold.open]));
    for (const link of links) {
      const heading = link.closest("details")?.querySelector("summary");
      link.parentElement.hidden = !fits(link, wanted) && !fits(heading, wanted);
    }
    for (const fold of folds) {
      const has = fold.querySelector("li:not([hidden])") !== null;
      fold.hidden = !has;
      fold.open = wanted ? has : before.get(fold);
    }
    if (!wanted) before = undefined;
    side.querySelector("[data-menu-none]").hidden = links.some((link) => !link.parentElement.hidden);
  };
  find?.addEventListener("input", search);
  find?.addEventListener("keydown", (event) => {
    const first = links.find((link) => !link.parentElement.hidden);
    if (event.key === "Enter" && find.value.trim()) first?.click();
  });

  const menu = (isOpen) => {
    document.body.classList.toggle("menu-open", isOpen);
    document.querySelector("[data-menu]")?.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) {
      if (find?.value) find.value = "";
      if (before) search();
      return;
    }
    side.querySelector("a").focus({ preventScroll: true });
    showHere();
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-menu]")) menu(!document.body.classList.contains("menu-open"));
    if (event.target.closest("[data-menu-close]")) menu(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "k" && (event.ctrlKey || event.metaKey) && find) {
      event.preventDefault();
      if (getComputedStyle(side).visibility === "hidden") menu(true);
      find.focus();
    }
    if (event.key === "Escape" && document.body.classList.contains("menu-open")) {
      menu(false);
      document.querySelector("[data-menu]")?.focus();
    }
  });
})();
