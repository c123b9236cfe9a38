package modelstest

import "os"

// Soaks reports whether this is make soak, which leaves nothing out.
func Soaks() bool { return os.Getenv("TOLLGATE_SOAK") != "" }
