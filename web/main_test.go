package web_test

import (
	"flag"
	"os"
	"testing"
	"time"
)

// atOnce is how many of the tests that run beside others do so: nearly all that they do is wait.
const atOnce = "4"

// The clocks of the server show a time that no page and no answer may: every time has a zone of its own.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	time.Local = time.FixedZone("Server", 8*3600+45*60)
	os.Exit(m.Run())
}
