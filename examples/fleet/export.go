package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

var exportCommand = command{
	name:     "export",
	synopsis: "-out FILE [-keys] [-groups] [-resume]",
	about:    "writes all records of the service to a file that only its owner can read",
	define: func(flags *flag.FlagSet, s *settings) {
		flags.StringVar(&s.out, "out", "", recordsFile)
		s.defineGroups(flags)
		flags.BoolVar(&s.keys, "keys", false, "read symmetric keys too, which takes an operation more for each record that has some")
		flags.BoolVar(&s.resume, "resume", false, "go on with an export of the same file that was interrupted")
	},
	check: func(s *settings) error { return needRecords("out", s.out) },
	run:   byKind(export[azdps.IndividualEnrollment], export[azdps.EnrollmentGroup]),
}

// place is how far an export is: the file beside its output has it after each page.
type place struct {
	Service string `json:"service"`
	Groups  bool   `json:"groups"`
	Keys    bool   `json:"keys"`
	Token   string `json:"token"` // of the next page
	Size    int64  `json:"size"`  // of the output up to there
}

func export[T fleet.Record](ctx context.Context, j *job) error {
	client, err := j.connect()
	if err != nil {
		return err
	}
	placeFile := j.settings.out + ".resume"
	now := &place{Service: client.Endpoint(), Groups: j.settings.groups, Keys: j.settings.keys}
	out, err := j.openExport(placeFile, now)
	if err != nil {
		return err
	}
	j.goOn = "give the same command with -resume to go on"
	n, err := exportTo[T](ctx, j, client, out, now, func() error { return now.save(placeFile) })
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	if err := remove(placeFile); err != nil {
		return err
	}
	j.display.clear()
	if j.settings.json {
		j.printJSON(map[string]any{"type": "summary", "exported": n})
		return nil
	}
	if n == 1 {
		fmt.Fprintf(j.stdout, "1 record is in %s\n", j.settings.out)
		return nil
	}
	fmt.Fprintf(j.stdout, "%d records are in %s\n", n, j.settings.out)
	return nil
}

// exportTo writes the records from a place on, and keeps the place up to date.
func exportTo[T fleet.Record](ctx context.Context, j *job, client *azdps.DeviceProvisioningClient, out *os.File, now *place, save func() error) (n int, err error) {
	var unsaved error
	options := &fleet.ExportOptions{Options: j.options(0), Keys: j.settings.keys, ContinuationToken: now.Token}
	options.OnPage = func(token string) {
		size, err := out.Seek(0, io.SeekCurrent)
		if err != nil || token == "" {
			unsaved = errors.Join(unsaved, err)
			return
		}
		now.Token, now.Size = token, size
		unsaved = errors.Join(unsaved, save())
	}
	records := counted(fleet.Export[T](ctx, client, options), &n)
	err = writeRecords(out, j.settings.out, records, &fleet.CSVOptions{OmitHeader: now.Size > 0})
	return n, errors.Join(err, unsaved)
}

// counted counts the records that pass.
func counted[T any](sequence iter.Seq2[T, error], n *int) iter.Seq2[T, error] {
	return selected(sequence, func(int64, T) bool { return true }, n)
}

// openExport creates the output, or opens that of an export that was interrupted and cuts off what came after the last page.
func (j *job) openExport(placeFile string, now *place) (*os.File, error) {
	if !j.settings.resume {
		return fleet.CreateFile(j.settings.out)
	}
	if err := now.load(placeFile); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(j.settings.out, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	size, err := out.Seek(0, io.SeekEnd)
	if err == nil && size < now.Size {
		err = fmt.Errorf("%s is shorter than when the export was interrupted; start again without -resume", j.settings.out)
	}
	if err == nil {
		err = out.Truncate(now.Size)
	}
	if err == nil {
		_, err = out.Seek(now.Size, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

// load reads the place of an earlier run, which must have been of the same service and the same records.
func (p *place) load(name string) error {
	data, err := os.ReadFile(name) //nolint:gosec // the user names the file
	if err != nil {
		return fmt.Errorf("there is no export to go on with: %w", err)
	}
	var earlier place
	if err := json.Unmarshal(data, &earlier); err != nil || earlier.Token == "" {
		return fmt.Errorf("%s is not what an interrupted export leaves; start again without -resume", name)
	}
	if earlier.Service != p.Service || earlier.Groups != p.Groups || earlier.Keys != p.Keys {
		return fmt.Errorf("%s is of an export from another service or with other flags", name)
	}
	*p = earlier
	return nil
}

// save writes the place in one step, so that there is always one that is whole.
func (p *place) save(name string) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	err = createWith(name+".new", func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	})
	return errors.Join(err, os.Rename(name+".new", name))
}
