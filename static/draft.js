// Drafts: a form with data-draft is kept in this browser, under the user's id, until it is saved or discarded. Drafts
// of another user are removed as soon as this one is signed in. Leaving with changes asks first.

const user = document.querySelector("[data-user]")?.dataset.user
const form = () => document.querySelector("form[data-draft]")
const address = (one) => `draft:${user}:${one.dataset.draft}`

let changed = false // since the page came or the form was saved
let sent = false // and the page is about to be left for its answer

const store = attempt(() => localStorage)

function attempt(use) {
  try {
    return use()
  } catch {
    return null // storage is shut or full: then there are no drafts
  }
}

const content = (one) => new URLSearchParams(new FormData(one)).toString()

// offer asks whether to go on with what was not saved.
function offer() {
  const one = form()
  const bar = document.getElementById("draft")
  const draft = one && attempt(() => JSON.parse(store.getItem(address(one))))
  if (!bar || !draft || draft.content === content(one)) return
  bar.querySelector("time").textContent = new Date(draft.at).toLocaleString()
  bar.hidden = false
}

document.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-draft-choice]")?.dataset.draftChoice
  const one = form()
  if (!choice || !one) return
  if (choice === "restore") restore(one)
  else attempt(() => store.removeItem(address(one)))
  document.getElementById("draft").hidden = true
})

// restore has the console show the form again with what was typed, rows and all.
function restore(one) {
  const draft = JSON.parse(store.getItem(address(one)))
  const put = ({ detail: { ctx } }) => {
    ctx.request.body = new URLSearchParams(draft.content)
    ctx.request.body.set("op", "refresh")
  }
  one.addEventListener("htmx:config:request", put, { once: true })
  htmx.ajax("POST", one.action, { source: one, target: one, swap: "outerMorph" })
  changed = true
}

// A refresh that was under way when the form was saved answers late: what it brings is saved already.
function keep() {
  const one = form()
  if (!one || !user || !store || sent) return
  changed = true
  attempt(() => store.setItem(address(one), JSON.stringify({ at: Date.now(), content: content(one) })))
}

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, ({ target }) => target.closest?.("form[data-draft]") && target.name && keep())
}
document.addEventListener("htmx:after:swap", ({ detail }) => changed && detail?.ctx?.sourceElement?.closest?.("form[data-draft]") && keep())

// A saved form leads to another page.
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  const one = ctx.sourceElement.closest("form[data-draft]")
  if (!one || !ctx.response.headers.get("HX-Redirect")) return
  attempt(() => store.removeItem(address(one)))
  sent = true
})

addEventListener("beforeunload", (event) => changed && !sent && form() && event.preventDefault())

if (user && store) {
  for (const key of Object.keys(store)) if (key.startsWith("draft:") && !key.startsWith(`draft:${user}:`)) store.removeItem(key)
  offer()
}
