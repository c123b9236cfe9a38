// Package oidc speaks OpenID Connect with providers: it reads what they publish, leads a browser to them, and checks
// the tokens they issue. Names of claims count exactly as they are written; the library below it ignores their case and
// takes the last one. It knows no users.
package oidc
