package handlers

import (
	"encoding/csv"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// exportFile is a file that is answered row by row. Nothing is sent before the first row is read, so that an early
// error is answered like any other; a later one breaks the connection.
type exportFile struct {
	c           *gin.Context
	name, media string
	rows        int
}

const (
	rowsAtOnce = 1000
	// exportStall is how long a reader may take for so many rows.
	exportStall = time.Minute
)

// row is called before each row is written.
func (f *exportFile) row() {
	if f.rows == 0 {
		f.c.Header("Content-Type", f.media)
		f.c.Header("Content-Disposition", `attachment; filename="`+f.name+`"`)
	}
	if f.rows%rowsAtOnce == 0 {
		// Without a deadline of its own the connection has that of short answers.
		_ = http.NewResponseController(f.c.Writer).SetWriteDeadline(time.Now().Add(exportStall))
	}
	f.rows++
}

// csvFile is an exportFile of comma-separated cells. A file for spreadsheets begins with a byte order mark; a guarded
// file has no cell that a spreadsheet runs as a formula.
type csvFile struct {
	exportFile
	header         []string
	excel, guarded bool
	cells          *csv.Writer
}

func newCSV(c *gin.Context, name string, excel, guarded bool, header ...string) *csvFile {
	cells := csv.NewWriter(c.Writer)
	cells.UseCRLF = true
	return &csvFile{
		exportFile: exportFile{c: c, name: name, media: "text/csv; charset=utf-8"}, header: header, excel: excel,
		guarded: guarded, cells: cells,
	}
}

const byteOrderMark = "\ufeff"

// begin writes the header.
func (f *csvFile) begin() error {
	f.row()
	if f.excel {
		if _, err := f.c.Writer.WriteString(byteOrderMark); err != nil {
			return err
		}
	}
	return f.cells.Write(f.header)
}

func (f *csvFile) write(row ...string) error {
	if f.rows == 0 {
		if err := f.begin(); err != nil {
			return err
		}
	}
	f.row()
	if f.guarded {
		row = spreadsheetSafe(row)
	}
	return f.cells.Write(row)
}

// end writes the rest; a file without rows still gets its header.
func (f *csvFile) end() error {
	if f.rows == 0 {
		if err := f.begin(); err != nil {
			return err
		}
	}
	f.cells.Flush()
	return f.cells.Error()
}

// spreadsheetSafe keeps a spreadsheet from running a cell as a formula.
func spreadsheetSafe(cells []string) []string {
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r\n\x00", rune(cell[0])) {
			cells[i] = "'" + cell
		}
	}
	return cells
}
