package catalogue

import (
	"regexp"
)

const maxModels = 1000

// MaxMCPRows is how many rows each list of MCP selections may have.
const MaxMCPRows = 1000

// ToolName matches the name of a tool.
var ToolName = regexp.MustCompile(`^[A-Za-z0-9_./-]{1,128}$`)
