package views

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/a-h/templ"
)

// PrintedRow keeps a row as it was printed last. A list prints mostly the same rows again, and a version of a profile
// never changes; what else a row shows is compared.
type PrintedRow struct{ last atomic.Pointer[printing] }

type printing struct {
	look rowLook
	html string
}

// rowLook is what a row shows besides the version of its profile.
type rowLook struct {
	rowFacts
	models map[string]int
}

type rowFacts struct {
	held                            int64
	updated                         string
	ticked                          bool
	mayCreate, mayUpdate, mayDelete bool
}

func (a rowLook) same(b rowLook) bool {
	return a.rowFacts == b.rowFacts && maps.Equal(a.models, b.models)
}

// printedRow is profileRow, printed anew only when it looks different from the last time.
func printedRow(r ProfileRow, l ProfileList) templ.Component {
	if r.Printed == nil {
		return profileRow(r, l)
	}
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		look := rowLook{rowFacts{
			r.Held, r.Updated, slices.Contains(l.Bulk.Ticked, r.ID), l.MayCreate, l.MayUpdate, l.MayDelete,
		}, l.Models}
		last := r.Printed.last.Load()
		if last == nil || !last.look.same(look) {
			var html strings.Builder
			if err := profileRow(r, l).Render(ctx, &html); err != nil {
				return err
			}
			last = &printing{look, html.String()}
			r.Printed.last.Store(last)
		}
		_, err := io.WriteString(w, last.html)
		return err
	})
}
