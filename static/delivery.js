// What was sent by htmx and did not arrive, or was not answered as it should be, is said where it was sent from.
// data-undelivered on an element says it in other words.

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const random = crypto.getRandomValues(new Uint8Array(12))
  ctx.request.headers["X-Request-Id"] = [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("")
})

document.addEventListener("htmx:error", ({ detail }) => {
  if (detail.ctx?.request) say(detail.ctx, "The console did not answer.")
})

document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  const { status, headers } = ctx.response
  if (status === 401 || (status < 500 && headers.get("HX-Reswap") !== "none")) return
  const page = new DOMParser().parseFromString(ctx.text, "text/html")
  say(ctx, page.querySelector(".error-message")?.textContent.trim() ?? "The console could not answer.")
})

document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.response.status < 400) placeFor(ctx).querySelector(".undelivered")?.remove()
})

// say shows an alert in the bar of the form, or at the foot of the page. One that says the same already is not repeated.
function say(ctx, reason) {
  const place = placeFor(ctx)
  const old = place.querySelector(".undelivered")
  const id = ctx.response?.headers.get("X-Request-Id") ?? ctx.request.headers["X-Request-Id"]
  if (old?.dataset.reason === reason) {
    old.querySelector("code").textContent = id
    return
  }
  old?.remove()
  const alert = element("div", "", { className: "undelivered", role: "alert" })
  alert.dataset.reason = reason
  const words = element("p")
  words.append(element("strong", consequence(ctx)), ` ${reason} Request `, element("code", id))
  const again = element("button", "Try again", { type: "button", className: "button compact" })
  again.addEventListener("click", () => retry(ctx))
  alert.append(words, again)
  place.append(alert)
}

const element = (name, text = "", properties = {}) => Object.assign(document.createElement(name), { textContent: text }, properties)

function consequence({ sourceElement, request }) {
  const said = sourceElement.closest("[data-undelivered]")?.dataset.undelivered
  if (said) return said
  return request.method === "GET" ? "This is not up to date." : "Not saved. Everything you typed is still here."
}

const placeFor = ({ sourceElement }) =>
  sourceElement.closest("form")?.querySelector(".save-bar") ?? document.getElementById("undelivered")

// retry sends the same again: a form with all that it holds now.
function retry({ sourceElement, request: { submitter } }) {
  if (sourceElement.matches("form")) sourceElement.requestSubmit(submitter?.isConnected ? submitter : undefined)
  else sourceElement.dispatchEvent(new Event("again"))
}

document.addEventListener("tollgate:retry", ({ detail }) => retry(detail))

// A page that could not be read for now asks again, and shows what it was asked for as soon as that is answered.
const absent = document.querySelector("[data-ask-again]")

async function askAgain() {
  const answer = await fetch(absent.dataset.askAgain, { headers: { Accept: "text/html" } }).catch(() => null)
  if (answer && answer.status !== 503) location.replace(absent.dataset.askAgain)
  else setTimeout(askAgain, absent.dataset.every * 1000)
}

if (absent) setTimeout(askAgain, absent.dataset.every * 1000)
