// The reference of the API: Swagger UI draws the document in place of the plain list. Without this the list stays.

const root = document.documentElement
const place = document.querySelector("[data-api-reference]")
const darkSystem = matchMedia("(prefers-color-scheme: dark)")

function followTheme() {
  const theme = root.dataset.theme ?? (darkSystem.matches ? "dark" : "light")
  root.classList.toggle("dark-mode", theme === "dark")
}

// The page has its own heading and says itself how to sign in, so only the operations and the schemas are drawn.
// A button inside the button that opens a call cannot be reached by keyboard, so the one that copies goes.
const Layout = (system) => ({
  wrapComponents: { CopyToClipboardBtn: () => () => null },
  components: {
    ApiReference() {
      const { createElement } = system.React
      const Operations = system.getComponent("operations", true)
      const Models = system.getComponent("Models", true)
      const heading = createElement("h2", null, "Calls")
      return createElement("div", { className: "swagger-ui" }, heading, createElement(Operations), createElement(Models))
    },
  },
})

followTheme()
darkSystem.addEventListener("change", followTheme)
new MutationObserver(followTheme).observe(root, { attributeFilter: ["data-theme"] })
SwaggerUIBundle({
  url: place.dataset.apiReference,
  domNode: place,
  plugins: [Layout],
  layout: "ApiReference",
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  supportedSubmitMethods: [],
})
