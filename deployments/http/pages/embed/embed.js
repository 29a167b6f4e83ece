// cancelflow's embed: the cancel page in a dialog on your own page. See deployments/http/pages/embed/README.md.
(() => {
  "use strict";
  const base = new URL(".", document.currentScript.src);
  // Each action by the name that a session token's `handlers` has for it.
  const HANDLERS = {
    pause: "handlePause", cancel: "handleCancel", discount: "handleDiscount", trial_extension: "handleTrialExtension",
    plan_change: "handlePlanChange", support: "handleSupportRequest", redirect: "handleRedirect",
  };
  const LISTENERS = {
    pause: "onPause", cancel: "onCancel", discount: "onDiscount", trial_extension: "onTrialExtension",
    plan_change: "onPlanChange",
  };
  const STYLE = `
    .cancelflow { box-sizing: border-box; width: min(40rem, 100vw - 2rem); max-height: calc(100dvh - 2rem); padding: 0;
      border: 0; border-radius: .75rem; overflow: hidden; color: CanvasText; background: Canvas; color-scheme: light dark; }
    .cancelflow::backdrop { background: rgb(0 0 0 / .55); }
    .cancelflow iframe { display: block; width: 100%; height: 24rem; max-height: calc(100dvh - 2rem); border: 0; }
    .cancelflow button { position: absolute; inset-block-start: .5rem; inset-inline-end: 1rem; width: 2.75rem;
      height: 2.75rem; padding: 0; font: 1.75rem/1 system-ui, sans-serif; color: inherit; background: Canvas; border: 0;
      border-radius: 50%; cursor: pointer; }
    .cancelflow :focus-visible { outline: 3px solid; outline-offset: -3px; }
    .cancelflow p { margin: 0; padding: 4rem 2rem 2rem; font: 1.0625rem/1.6 system-ui, sans-serif; }
    @media (max-width: 38rem) {
      .cancelflow { width: 100vw; max-width: none; height: 100dvh; max-height: none; margin: 0; border-radius: 0; }
      .cancelflow iframe { height: 100dvh !important; max-height: none; }
    }`;
  let options = null; // of the last `show` or `restart`
  let current = null; // the dialog that is open

  function made(tag, attributes, ...content) {
    const element = document.createElement(tag);
    for (const name in attributes) element.setAttribute(name, attributes[name]);
    element.append(...content);
    return element;
  }

  const sheet = new CSSStyleSheet(); // which a Content-Security-Policy without inline styles allows
  sheet.replaceSync(STYLE);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

  // A listener's error is the company's to see, and changes nothing.
  async function listen(listener, ...given) {
    try {
      await listener?.(...given);
    } catch (error) {
      console.error(error);
    }
  }

  class Dialog {
    constructor(given) {
      this.given = given;
      this.page = null; // the page that is shown, as it describes itself
      this.pressed = null; // the last button that was pressed
      this.busy = false; // since a press, until the page that follows
      this.finished = new Set(); // the outcomes that listeners know about
      this.acceptedOffer = null;
      this.opener = document.activeElement;
      this.overflow = document.documentElement.style.overflow;
      const labels = { title: "Cancel your subscription", close: "Close", ...given.labels };
      this.button = made("button", { type: "button", "aria-label": labels.close }, "×");
      this.element = made("dialog", { class: "cancelflow", "aria-label": labels.title }, this.button);
      this.button.onclick = () => this.element.close();
      this.element.onclose = () => this.closed();
      this.receive = (event) => {
        if (this.frame && event.source === this.frame.contentWindow && event.origin === base.origin) this.on(event.data);
      };
      addEventListener("message", this.receive);
      document.body.append(this.element);
      document.documentElement.style.overflow = "hidden";
      this.element.showModal();
    }

    load(token, restart) {
      this.fallback = new URL(`cancel?${new URLSearchParams({ token })}`, base);
      const query = new URLSearchParams({ token, embed: 1, ...(restart && { restart: 1 }) });
      const title = this.element.getAttribute("aria-label");
      this.frame = made("iframe", { src: new URL(`cancel?${query}`, base), title, name: "cancelflow" });
      this.frame.onload = () => this.loaded();
      this.element.append(this.frame);
    }

    greet() {
      const handlers = Object.keys(HANDLERS).filter((each) => typeof this.given[HANDLERS[each]] === "function");
      this.say("hello", { handlers });
    }

    loaded() {
      this.greet(); // again: a page that is there answers
      clearTimeout(this.silence);
      this.silence = setTimeout(() => (this.closing ? this.end() : this.offerTab()), 5000);
    }

    say(what, more) {
      this.frame?.contentWindow?.postMessage({ cancelflow: what, ...more }, base.origin);
    }

    on(said) {
      const what = said?.cancelflow;
      if (what === "ready") this.greet();
      else if (what === "shown") this.shown(said.page);
      else if (what === "height") this.frame.style.height = `${said.height}px`;
      else if (what === "pressed") [this.busy, this.pressed] = [true, said];
      else if (what === "handle") this.handle(said);
      else if (what === "account") listen(this.given.onGoToAccount, this.results);
      if (what === "close" || what === "account") this.element.close();
    }

    shown(page) {
      clearTimeout(this.silence);
      const before = this.page?.screen ?? null;
      if (page.screen === "loading" || page.at === this.page?.at) return; // on the way, or known
      this.page = { ...this.page, ...page }; // an error page may know of no session
      this.busy = page.screen === "in_progress";
      this.element.setAttribute("aria-label", page.title);
      Object.assign(this.element, { lang: page.language, dir: page.direction });
      this.frame.title = page.title;
      this.button.setAttribute("aria-label", page.labels.close);
      if (page.screen !== before) listen(this.given.onStepChange, page.screen, before);
      if (page.outcome) this.happened(page);
      if (this.element.open && page.screen === "kept") this.element.close();
      else if (this.closing && !this.busy) this.end();
      else if (!before) this.frame.focus();
    }

    happened({ outcome, customer, results }) {
      if (this.finished.has(outcome.reference)) return;
      this.finished.add(outcome.reference);
      const { action } = outcome;
      const known = this.pressed?.action === action ? this.pressed.arguments : {};
      const details = { ...known, ...outcome.arguments };
      if (action !== "cancel" && outcome.arguments) this.acceptedOffer = { kind: action, ...details };
      listen(this.given[LISTENERS[action]], customer, action === "cancel" ? results.reason : details);
    }

    async handle({ action, arguments: details }) {
      const { customer } = this.page, session = this.results;
      const given = { cancel: [details.reason, details.feedback], support: [] }[action] ?? [details];
      let handled = "1", message;
      try {
        message = await this.given[HANDLERS[action]](customer, ...given, session);
      } catch (error) {
        handled = "0";
        // An Error is for developers; customers read what the handler rejects with on purpose.
        if (error instanceof Error) console.error(error);
        else message = error;
      }
      const text = typeof message === "string" ? message : message?.message;
      this.say("handled", { handled, message: typeof text === "string" ? text.slice(0, 500) : "" });
    }

    get results() {
      return { outcome: null, reason: null, ...this.page?.results, acceptedOffer: this.acceptedOffer };
    }

    // The browser refused the page, or it can't be reached.
    offerTab() {
      const text = this.given.labels?.newTab ?? "Continue in a new tab";
      const link = made("a", { href: this.fallback, target: "_blank", rel: "noopener" }, text);
      this.frame.replaceWith(made("p", {}, link));
      this.frame = null;
      link.focus();
    }

    closed() {
      this.release();
      if (this.busy && this.frame) this.closing = true; // what was pressed goes on, and its listeners run
      else this.end();
    }

    release() {
      if (this.released) return;
      this.released = true;
      document.documentElement.style.overflow = this.overflow;
      this.opener?.focus?.();
    }

    end() {
      if (this.ended) return;
      this.ended = true;
      clearTimeout(this.silence);
      removeEventListener("message", this.receive);
      this.element.close();
      this.release();
      this.element.remove();
      if (current === this) current = null;
      listen(this.given.onClose, this.results);
    }
  }

  async function init(command, given = options) {
    if (!["show", "restart"].includes(command)) throw new Error(`cancelflow.init: "show" or "restart", not "${command}"`);
    if (!given?.token) throw new Error("cancelflow.init needs a token: a string, or a function that fetches one");
    if (command === "restart" && given === options && typeof given.token === "string") {
      throw new Error("A token opens one session: give init a new one, or a function that fetches one");
    }
    current?.end();
    const dialog = (current = new Dialog((options = given)));
    try {
      const token = typeof given.token === "function" ? await given.token() : given.token;
      if (!dialog.ended) dialog.load(token, command === "restart");
    } catch (error) {
      dialog.end();
      throw error;
    }
  }

  // Forgets the session in this browser, as for a customer who signs out. Its cookie belongs to the frame's site.
  function clearState() {
    current?.end();
    options = null;
    const frame = made("iframe", { src: new URL("cancel?embed=1&forget=1", base), hidden: "" });
    return new Promise((resolve) => {
      frame.onload = () => {
        frame.remove();
        resolve();
      };
      document.body.append(frame);
    });
  }

  window.cancelflow = { init, hide: () => current?.element.close(), clearState };
})();
