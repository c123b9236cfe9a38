package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// measureWarmUp measures how soon a console answers for all keys, and what they take in memory.
func (b *bench) measureWarmUp(ctx context.Context) error {
	g, err := b.openGateway(ctx)
	if err != nil {
		return err
	}
	return b.warm(ctx, g)
}

// measureDecisions compares decisions from the cache with gin that says hello, with OPA and with OpenFGA.
func (b *bench) measureDecisions(ctx context.Context) error {
	g, err := b.openGateway(ctx)
	if err != nil {
		return err
	}
	if err := b.warm(ctx, g); err != nil {
		return err
	}
	ours := g.asking(false)
	if err := allows(ctx, ours, "decision"); err != nil {
		return err
	}
	hello, err := b.hello(ctx, ours)
	if err != nil {
		return err
	}
	const what, toOPA, toOpenFGA = "decide", 3, 5
	contenders := []contender{{ours, b.withDatabase(g.process)}, hello}
	opa, opaTarget, opaErr := b.startOPA(ctx, g)
	if opaErr == nil {
		contenders = append(contenders, contender{opaTarget, opa.spent})
	}
	fgaTarget, fgaErr := b.startOpenFGA(ctx, g)
	if fgaErr == nil {
		contenders = append(contenders, contender{fgaTarget, nil})
	}
	outcomes, err := b.contest(ctx, contenders...)
	if err != nil {
		return err
	}
	b.compare("P7", what, outcomes[0], "gin hello", outcomes[1], atLeast(0.75))
	b.compareCPU("P7", "CPU of a decision, database included", outcomes[0], "gin hello", outcomes[1], nil)
	const most = 55 * time.Microsecond
	spent := median(outcomes[0].cpu)
	b.add(line{
		id: "P7", what: "CPU of a decision, database included", ours: fmt.Sprint(spent.Round(time.Microsecond)), bar: "≤ " + most.String(),
		verdict: atMost(most.Seconds()).verdict(spent.Seconds()),
	})
	next := outcomes[2:]
	if opaErr == nil {
		b.compare("P7", what, outcomes[0], "OPA", next[0], atLeast(toOPA))
		b.compareCPU("P7", "CPU of a decision, database included", outcomes[0], "OPA", next[0], atMost(0.3))
		next = next[1:]
	} else if err := b.missing(ctx, "P7", what, "OPA", atLeast(toOPA), opaErr); err != nil {
		return err
	}
	if fgaErr != nil {
		return b.missing(ctx, "P7", what, "OpenFGA", atLeast(toOpenFGA), fgaErr)
	}
	b.compare("P7", what, outcomes[0], "OpenFGA", next[0], atLeast(toOpenFGA))
	return nil
}

// hello starts gin that gets the same requests and answers with as much.
func (b *bench) hello(ctx context.Context, like target) (contender, error) {
	answer, _, err := like.once(ctx)
	if err != nil {
		return contender{}, err
	}
	p, err := b.rival(ctx, "hello", "/")
	if err != nil {
		return contender{}, err
	}
	t := p.get("/")
	t.method, t.header, t.workers = http.MethodPut, http.Header{"Content-Type": {"application/json"}}, askers
	t.body = func() []byte { return answer }
	if _, _, err := t.once(ctx); err != nil {
		return contender{}, err
	}
	t.method, t.body = http.MethodPost, like.body
	return contender{t, p.spent}, nil
}
