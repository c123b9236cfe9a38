package problem

// Clip shortens a text that goes into a message.
func Clip(text string) string {
	runes := []rune(text)
	if len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return text
}
