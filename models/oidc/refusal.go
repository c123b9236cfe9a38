package oidc

// Why a sign-in is refused here.
const (
	IDTokenInvalid    = "id_token_invalid"
	IDTokenAmbiguous  = "id_token_ambiguous" //nolint:gosec // a code, no credential
	NonceMismatch     = "nonce_mismatch"
	AzpMismatch       = "azp_mismatch"
	UserInfoOfAnother = "userinfo_of_another"
	ExchangeFailed    = "exchange_failed"
	ProviderAway      = "provider_away"
	DiscoveryFailed   = "discovery_failed"
	IssuerMismatch    = "issuer_mismatch"
	// AccessTokenInvalid is why a call is refused, not a sign-in.
	AccessTokenInvalid = "access_token_invalid" //nolint:gosec // a code, no credential
)

// Refusal is why a provider or a token is not accepted. Detail is for admins: it has no secret and no token in it.
type Refusal struct{ Code, Detail string }

func (r *Refusal) Error() string { return r.Code + ": " + r.Detail }

func refuse(code, detail string) error { return &Refusal{code, detail} }
