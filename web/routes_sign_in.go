package web

import (
	"tollgate/handlers"
	"tollgate/models/permission"
)

// signInRoutes are those of how users sign in and out.
func signInRoutes(h *handlers.Handlers) []route {
	return []route{
		{"GET", "/login", anyone, h.LoginPage},
		{"POST", "/login", anyone, h.Login},
		{"GET", "/login/:slug", anyone, h.BeginSignIn},
		{"GET", "/login/:slug/callback", anyone, h.FinishSignIn},
		{"POST", "/login/:slug/backchannel", anyone, h.EndSignInThere},
		{"POST", "/logout", anyone, h.Logout},
		{"POST", "/session", signedIn, h.KeepSession},
		{"GET", "/first-run", anyone, h.FirstRunPage},
		{"POST", "/first-run", anyone, h.FirstRun},
		{"POST", "/settings/password", signedIn, h.ChangePassword},
		{"GET", "/settings/methods", themselves, h.ListMethods},
		{"GET", "/settings/methods/:slug", themselves, h.ShowMethod},
		{"POST", "/settings/methods/:slug/connect", themselves, h.ConnectMethod},
		{"POST", "/settings/methods/:slug/disconnect", themselves, h.DisconnectMethod},
		{"GET", "/api/identity-providers", permission.ViewSettings, h.ListIdentityProviders},
		{"POST", "/api/identity-providers", permission.UpdateSettings, h.CreateIdentityProvider},
		{"GET", "/api/identity-providers/:id", permission.ViewSettings, handlers.WithoutQuery(h.ShowIdentityProvider)},
		{"PUT", "/api/identity-providers/:id", permission.UpdateSettings, h.UpdateIdentityProvider},
		{"DELETE", "/api/identity-providers/:id", permission.UpdateSettings, h.DeleteIdentityProvider},
		{"PUT", "/api/identity-providers/:id/rules", permission.UpdateSettings, h.SetRules},
		{"POST", "/api/identity-providers/:id/rules/preview", permission.UpdateSettings, h.PreviewRules},
		{"POST", "/api/identity-providers/:id/try", permission.UpdateSettings, h.TryIdentity},
		{"GET", "/settings/sign-in", permission.ViewSettings, h.ListIdentityProviders},
		{"GET", "/api/settings/sign-in", permission.ViewSettings, handlers.WithoutQuery(h.ShowEnforcement)},
		{"PUT", "/api/settings/sign-in", permission.UpdateSettings, h.SetEnforcement},
		{"GET", "/settings/sign-in/enforce", permission.UpdateSettings, h.ConfirmEnforcement},
		{"POST", "/settings/sign-in/enforce", permission.UpdateSettings, h.SetEnforcement},
		{"GET", "/settings/sign-in/new", permission.UpdateSettings, h.NewIdentityProvider},
		{"POST", "/settings/sign-in", permission.UpdateSettings, h.CreateIdentityProvider},
		{"GET", "/settings/sign-in/:id", permission.ViewSettings, h.ShowIdentityProvider},
		{"POST", "/settings/sign-in/:id", permission.UpdateSettings, h.UpdateIdentityProvider},
		{"GET", "/settings/sign-in/:id/edit", permission.UpdateSettings, h.EditIdentityProvider},
		{"GET", "/settings/sign-in/:id/try", permission.UpdateSettings, h.TrySignIn},
		{"GET", "/settings/sign-in/:id/rules", permission.UpdateSettings, h.EditRules},
		{"POST", "/settings/sign-in/:id/rules", permission.UpdateSettings, h.SetRules},
		{"GET", "/settings/sign-in/:id/delete", permission.UpdateSettings, h.ConfirmDeleteIdentityProvider},
		{"POST", "/settings/sign-in/:id/delete", permission.UpdateSettings, h.DeleteIdentityProvider},
		{"GET", "/sign-in-link", anyone, h.SignInLinkPage},
		{"POST", "/sign-in-link", anyone, h.UseSignInLink},
	}
}
