// Passkeys, in the words of WebAuthn; and what pages with something to keep need: printing, copying, selecting.
(() => {
  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const named = (list) => (list ?? []).map((each) => ({ ...each, id: bytes(each.id) }));

  const ask = async (button, address, body) => {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": button.dataset.csrf },
      body: JSON.stringify(body ?? {}),
    });
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(said.problem ?? "This did not work. Reload the page and try again.");
    return said;
  };

  const make = async (options) => {
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: named(options.excludeCredentials),
      },
    });
    return {
      id: made.id,
      rawId: text(made.rawId),
      type: made.type,
      response: {
        clientDataJSON: text(made.response.clientDataJSON),
        attestationObject: text(made.response.attestationObject),
        transports: made.response.getTransports?.() ?? [],
      },
    };
  };

  const use = async (options) => {
    const found = await navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        allowCredentials: named(options.allowCredentials),
      },
    });
    return {
      id: found.id,
      rawId: text(found.rawId),
      type: found.type,
      response: {
        clientDataJSON: text(found.response.clientDataJSON),
        authenticatorData: text(found.response.authenticatorData),
        signature: text(found.response.signature),
        userHandle: found.response.userHandle ? text(found.response.userHandle) : null,
      },
    };
  };

  const run = async (button) => {
    const problem = document.querySelector("[data-passkey-problem]");
    problem.hidden = true;
    button.setAttribute("aria-busy", "true");
    try {
      const { challenge, options } = await ask(button, button.dataset.options);
      const answer = await (button.dataset.passkey === "make" ? make : use)(options);
      const name = document.querySelector("#passkey-name")?.value;
      location.assign((await ask(button, button.dataset.finish, { challenge, answer, name })).next);
    } catch (error) {
      const isGivenUp = error.name === "NotAllowedError" || error.name === "AbortError";
      problem.textContent = isGivenUp ? "Nothing was signed. Try again when you are ready." : error.message;
      problem.hidden = false;
      button.removeAttribute("aria-busy");
    }
  };

  for (const button of document.querySelectorAll("[data-passkey]")) {
    if (!globalThis.PublicKeyCredential) continue;
    button.hidden = false;
    button.addEventListener("click", () => run(button));
  }
  document.querySelector("[data-print]")?.addEventListener("click", () => print());
  for (const copy of navigator.clipboard ? document.querySelectorAll("[data-copy]") : []) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      const field = document.querySelector(copy.dataset.copy);
      const said = copy.querySelector("span");
      try {
        await navigator.clipboard.writeText(field.value);
        said.textContent = "Copied";
      } catch {
        field.select();
        said.textContent = "Press Ctrl+C to copy";
      }
    });
  }
  for (const each of document.querySelectorAll("[data-select]")) each.addEventListener("focus", () => each.select());
})();
