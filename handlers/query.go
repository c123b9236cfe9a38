package handlers

import (
	"net/url"
)

func encoded(name, value string) string { return url.Values{name: {value}}.Encode() }
