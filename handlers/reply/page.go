package reply

import (
	"context"
	"io"

	"github.com/a-h/templ"

	"tollgate/models/problem"
	"tollgate/views/ui"
)

// MarkProblems tells the frame that its form has problems.
func MarkProblems(page *ui.Page, problems problem.Problems) {
	if len(problems) > 0 {
		page.Problems, page.ErrorCode, page.Param = true, problems[0].Code, problems[0].Field
	}
}

// Within puts a body into a frame.
func Within(frame, body templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return frame.Render(templ.WithChildren(ctx, body), w)
	})
}
