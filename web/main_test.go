package web_test

import (
	"os"
	"testing"
	"time"
)

// The clocks of the server show a time that no page and no answer may: every time has a zone of its own.
func TestMain(m *testing.M) {
	time.Local = time.FixedZone("Server", 8*3600+45*60)
	os.Exit(m.Run())
}
