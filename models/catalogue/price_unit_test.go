package catalogue_test

import (
	"strings"
	"testing"

	"tollgate/models/catalogue"
)

// A header says for how many tokens its prices are, and the prices are moved to a million without rounding.
func TestPriceUnits(t *testing.T) {
	for header, want := range map[string]string{
		"Input ($/1K tokens)|Output ($/1K tokens)|$0.002|$0.006":                    "2 6 dollars per 1,000 tokens",
		"Input per 1,000 tokens|Output per 1,000 tokens|0.0000001|12":               "0.0001 12000 dollars per 1,000 tokens",
		"Input (per thousand)|Output USD/ktok|.5|1.50":                              "?.5 1500 dollars per 1,000 tokens",
		"Input per token|Output per token|0.000002|0.00000012":                      "2 0.12 dollars per token",
		"input_cost_per_token|output_cost_per_token|2e-06|1.5E-6":                   "2 1.5 dollars per token",
		"Prompt $/token|Completion $/token|0|0.00001":                               "0 10 dollars per token",
		"price per input token|price per output token|0.000001|0.000002":            "1 2 dollars per token",
		"Input per 1M|Output per 1M|2.5|10":                                         "2.5 10 ",
		"Input (USD/MTok)|Output (USD/MTok)|$3|$15":                                 "$3 $15 ",
		"input_cost_per_million_tokens|output_cost_per_million_tokens|1|2":          "1 2 ",
		"Input $/1,000,000 tokens|Output 1M tokens|1|2":                             "1 2 ",
		"Input (\u2264 200K context) per 1M tokens|Output per 1M output tokens|1|2": "1 2 ",
		"Input price|Output price|1|2":                                              "1 2 ",
		"Input per 1K|Output per token|0.002|0.000006":                              "2 6 dollars per 1,000 tokens and dollars per token",
		"Input per 1K|Output per 1K|0,002|6":                                        "?0,002 6000 dollars per 1,000 tokens",
	} {
		cells := strings.Split(header, "|")
		text := "Model\t" + strings.Join(cells[:2], "\t") + "\nm\t" + strings.Join(cells[2:], "\t")
		prices := catalogue.PriceLines(text)
		got := ""
		for _, p := range prices.Items {
			got += p.Input.Text + " " + p.Output.Text + " "
		}
		if got += catalogue.ReadAs(text); got != want || len(prices.Items) != 1 {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
}
