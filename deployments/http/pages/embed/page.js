// The cancel page in a frame: tells the site around it what is shown, and asks it to carry out what it handles.
(() => {
  "use strict";
  const { origins, handlers = [], feedback, ...shown } = JSON.parse(document.body.dataset.frame);
  const account = document.querySelector("[data-account]");
  let origin = null; // of the site around, once it has said hello
  let registered = []; // the actions that it has handlers for
  let answered = null; // what waits for a handler's answer
  let greeted;
  const greeting = new Promise((resolve) => { greeted = resolve; });

  if (window.parent === window) return;

  const tell = (what, more) => origin && window.parent.postMessage({ cancelflow: what, ...more }, origin);
  const tellHeight = () => tell("height", { height: Math.ceil(document.body.getBoundingClientRect().height) });

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || !origins.includes(event.origin) || !event.data) return;
    if (event.data.cancelflow === "hello") {
      origin = event.origin;
      registered = event.data.handlers;
      if (account) account.hidden = false;
      tell("shown", { page: { ...shown, at: performance.timeOrigin } });
      tellHeight();
      greeted();
    } else if (event.data.cancelflow === "handled" && answered) {
      answered(event.data);
    }
  });

  window.parent.postMessage({ cancelflow: "ready" }, "*"); // to whichever of the sites it is; it says nothing else

  new ResizeObserver(tellHeight).observe(document.body);
  // A key that is pressed in a frame doesn't reach the dialog around it.
  window.addEventListener("keydown", (event) => event.key === "Escape" && tell("close"));
  account?.addEventListener("click", () => tell("account"));

  document.addEventListener("submit", async (event) => {
    const form = event.target, button = event.submitter;
    const action = button?.dataset.action;
    const details = { action, arguments: JSON.parse(button?.dataset.arguments ?? "{}") };
    if (action === "cancel") Object.assign(details.arguments, written(form));
    if (!handlers.includes(action) || !isFilledIn(form, action)) {
      tell("pressed", details);
      return;
    }
    event.preventDefault();
    if (answered) return; // pressed twice
    const answer = new Promise((resolve) => { answered = resolve; });
    form.setAttribute("aria-busy", "true");
    await Promise.race([greeting, new Promise((resolve) => setTimeout(resolve, 3000))]);
    // The embed, which named this frame, will say hello, and with it whether the site has a handler. Without the embed's
    // script around the page, nobody does.
    if (!origin && window.name === "cancelflow") {
      answered = null;
      form.removeAttribute("aria-busy");
      warn(form, shown.labels.again);
      return;
    }
    tell("pressed", details);
    add(form, button.name, button.value);
    if (registered.includes(action)) {
      tell("handle", details);
      const { handled, message } = await answer;
      add(form, "handled", handled);
      add(form, "handled_message", message);
    }
    form.submit();
  });

  // What the server would ask for first: then no handler may act yet.
  function isFilledIn(form, action) {
    if (action !== "cancel") return true;
    const survey = form.querySelector("fieldset[data-required]");
    if (survey && !form.elements.reason.value) return false;
    const text = form.querySelector("textarea[data-least]");
    if (!text) return true;
    const length = text.value.trim().length;
    return length ? length >= Number(text.dataset.least) : !("required" in text.dataset);
  }

  // The reason and the feedback, with what is filled in on this screen.
  function written(form) {
    const reason = form.elements.reason?.value || shown.results.reason;
    const text = form.elements[`text-${reason}`] ?? form.elements.text;
    return { reason, feedback: [feedback, text?.value.trim()].filter(Boolean).join("\n\n") || null };
  }

  function warn(form, text) {
    const place = form.querySelector("#wrong") ?? document.createElement("p");
    Object.assign(place, { id: "wrong", className: "wrong", textContent: text });
    place.setAttribute("role", "alert");
    form.prepend(place);
  }

  function add(form, name, value) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name, value });
    form.append(field);
  }
})();
