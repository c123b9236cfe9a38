package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"golang.org/x/oauth2"
)

// Client is this console as a provider knows it.
type Client struct {
	Issuer, ID, Secret string
	InHeader           bool // the secret is sent in the Authorization header, not in the form
	Scopes             []string
	Redirect           string // address of the callback
}

// Begun is what must be remembered between leading a browser to a provider and its return.
type Begun struct{ State, Nonce, Verifier string }

// Issued is what a provider said about who signed in.
type Issued struct {
	Subject, SessionID string
	IDToken            string
	Claims             Claims // of the ID token, and what only UserInfo has
}

func (c Client) config(of *provider) *oauth2.Config {
	style := oauth2.AuthStyleInParams
	if c.InHeader && c.Secret != "" {
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID: c.ID, ClientSecret: c.Secret, RedirectURL: c.Redirect, Scopes: c.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: of.Authorization, TokenURL: of.Token, AuthStyle: style},
	}
}

// Begin returns the address at the provider to lead a browser to. Anew asks to sign in once more even when the browser
// is signed in there. Refusals: those of Read.
func (p *Providers) Begin(ctx context.Context, c Client, b Begun, anew bool) (address string, err error) {
	of, err := p.of(ctx, c.Issuer)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(b.Verifier), oauth2.SetAuthURLParam("nonce", b.Nonce)}
	if anew {
		options = append(options, oauth2.SetAuthURLParam("prompt", promptAnew(c.Issuer)))
	}
	return c.config(of).AuthCodeURL(b.State, options...), nil
}

// Google is the issuer of Google.
const Google = "https://accounts.google.com"

// promptAnew asks a user to sign in once more. Every provider has to know "login", but Google does not.
func promptAnew(issuer string) string {
	if issuer == Google {
		return "select_account"
	}
	return "login"
}

// Answers checks that an answer comes from the provider that was asked: when providers name themselves, they must.
// Refusal: IssuerMismatch.
func (p *Providers) Answers(ctx context.Context, issuer string, query url.Values) error {
	of, err := p.of(ctx, issuer)
	if err != nil {
		return err
	}
	named := query["iss"]
	if len(named) == 0 && !of.NamesItself {
		return nil
	}
	if len(named) != 1 || subtle.ConstantTimeCompare([]byte(named[0]), []byte(issuer)) != 1 {
		return refuse(IssuerMismatch, "the answer does not name the provider that was asked")
	}
	return nil
}

// Exchange gets and checks the tokens for a code. What the ID token lacks of the claims wanted is asked of UserInfo.
func (p *Providers) Exchange(
	ctx context.Context, c Client, b Begun, code string, wanted ...string,
) (issued Issued, err error) {
	of, err := p.of(ctx, c.Issuer)
	if err != nil {
		return issued, err
	}
	defer func() { p.note(c.Issuer, err) }()
	ctx, cancel := context.WithTimeout(with(ctx, p.client), answerWithin)
	defer cancel()
	token, err := c.config(of).Exchange(ctx, code, oauth2.VerifierOption(b.Verifier))
	if err != nil {
		return issued, exchangeFailed(err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return issued, refuse(IDTokenInvalid, "the provider sent no ID token; the scope openid asks for it")
	}
	issued, err = of.checkIDToken(ctx, c.ID, raw, b.Nonce, token.AccessToken)
	if err != nil {
		return issued, err
	}
	lacks := slices.ContainsFunc(wanted, func(name string) bool { return name != "" && !issued.Claims.Has(name) })
	if of.UserInfo == "" || !lacks {
		return issued, nil
	}
	return issued, of.complete(ctx, p.client, token.AccessToken, issued)
}

func exchangeFailed(err error) error {
	var answered *oauth2.RetrieveError
	switch {
	case errors.As(err, &answered):
		code := answered.ErrorCode
		if code == "" {
			code = "status " + answered.Response.Status
		}
		return refuse(ExchangeFailed, "the provider did not take the code: "+Clip(code))
	case isAway(err):
		return refuse(ProviderAway, "the provider does not answer")
	}
	return refuse(ExchangeFailed, "the answer of the provider could not be read")
}

// Clip keeps only characters that error codes have, so that nothing a provider sends is shown.
func Clip(code string) string {
	kept := make([]rune, 0, len(code))
	for _, r := range code {
		if r == '_' || r == ' ' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			kept = append(kept, r)
		}
	}
	return string(kept[:min(len(kept), 60)])
}

// complete adds what only UserInfo says, which has to be about the same subject and never replaces a claim of the
// token. Refusal: UserInfoOfAnother.
func (of *provider) complete(ctx context.Context, client *http.Client, accessToken string, issued Issued) error {
	source := oauth2.NewClient(with(ctx, client), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: accessToken}))
	source.CheckRedirect = client.CheckRedirect
	var answer jsonObject
	if err := fetch(ctx, source, of.UserInfo, &answer); err != nil {
		return refuse(ProviderAway, "UserInfo could not be read: "+reason(err))
	}
	more, err := readClaims(answer)
	if err != nil {
		return err
	}
	if more.Text("sub") != issued.Subject {
		return refuse(UserInfoOfAnother, "UserInfo is about another subject than the ID token")
	}
	if issued.Claims.Has("email") && more.Text("email") != issued.Claims.Text("email") {
		delete(more, "email_verified") // it is about another address
		delete(more, "xms_edov")
	}
	for name, value := range more {
		if _, there := issued.Claims[name]; !there {
			issued.Claims[name] = value
		}
	}
	return nil
}

// jsonObject is a document as it was sent.
type jsonObject []byte

// UnmarshalJSON keeps the bytes.
func (o *jsonObject) UnmarshalJSON(content []byte) error {
	*o = slices.Clone(content)
	return nil
}

// SignOut is the address at the provider that ends the session there and leads back, "" when it has none.
func (p *Providers) SignOut(ctx context.Context, c Client, idToken, back string) string {
	of, err := p.of(ctx, c.Issuer)
	if err != nil || of.EndSession == "" {
		return ""
	}
	address, err := url.Parse(of.EndSession)
	if err != nil {
		return ""
	}
	query := address.Query()
	query.Set("client_id", c.ID)
	query.Set("post_logout_redirect_uri", back)
	if idToken != "" {
		query.Set("id_token_hint", idToken)
	}
	address.RawQuery = query.Encode()
	return address.String()
}
