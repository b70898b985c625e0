package fleet

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// readHeader reads the first row of a table and sets its columns. Names are quoted in faults only if the row has the name of the
// id: else it may be a record, with its keys.
func readHeader[T Record](t *tableReader) ([]*InputError, error) {
	names, fault, err := t.next()
	if errors.Is(err, io.EOF) {
		return []*InputError{{Line: 1, Reason: "the file is empty; a table begins with a header"}}, nil
	}
	if fault != nil {
		return []*InputError{fault}, err
	}
	if err != nil {
		return nil, err
	}
	known := columnsOf[T]()
	id := known[0].name
	if !slices.Contains(names, id) {
		reason := "is missing in the header, which is the first row"
		switch other := otherKind[T](); {
		case slices.Contains(names, other.idName):
			reason += "; this is a table of " + other.name + ", by its column " + other.idName
		case slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, id) }):
			reason += "; capitals count"
		case slices.ContainsFunc(names, func(name string) bool { return !utf8.ValidString(name) }):
			reason += "; the file is not UTF-8"
		case len(names) == 1 && strings.ContainsAny(names[0], ";\t"):
			reason += "; commas separate the columns"
		}
		return []*InputError{{Line: t.line, Field: id, Reason: reason}}, nil
	}
	return t.header(names, known), nil
}

// header sets the columns by their names.
func (t *tableReader) header(names []string, known []column) (faults []*InputError) {
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		c, ok := columnByName(known, name)
		if !ok {
			faults = append(faults, t.fault(i, quoteName(name), "is no column of this table"+suggestion(known, name)))
			continue
		}
		if seen[name] {
			faults = append(faults, t.fault(i, quoteName(name), "is there twice"))
		}
		seen[name] = true
		t.columns = append(t.columns, c)
	}
	for i, name := range names {
		if !seen[name] {
			continue
		}
		for end := strings.LastIndexByte(name, '.'); end > 0; end = strings.LastIndexByte(name[:end], '.') {
			if seen[name[:end]] {
				faults = append(faults, t.fault(i, quoteName(name), "is a part of "+quoteName(name[:end])+", which is a column too"))
				break
			}
		}
	}
	return faults
}

// maxPath is the most names in the path of a column, below its first; twins are 10 objects deep at most.
const maxPath = 32

// columnByName finds a column, or makes that of a member of a free object.
func columnByName(known []column, name string) (column, bool) {
	base, path, deep := strings.Cut(name, ".")
	i := slices.IndexFunc(known, func(c column) bool { return c.name == base })
	if i < 0 {
		return column{}, false
	}
	if !deep {
		return known[i], true
	}
	names := strings.Split(path, ".")
	isFree := base == "tags" || base == "desired" || base == "optionalDeviceInformation"
	if !isFree || len(names) > maxPath || slices.Contains(names, "") || !utf8.ValidString(name) {
		return column{}, false
	}
	return column{name: name, path: slices.Concat(known[i].path, names), parse: parseAny}, true
}

// suggestion helps where only capitals are wrong.
func suggestion(known []column, name string) string {
	for _, c := range known {
		if strings.EqualFold(c.name, name) {
			return "; it is written " + c.name
		}
	}
	return ""
}

// quoteName keeps a name from the file short and on one line.
func quoteName(name string) string {
	const longest = 64
	if len(name) > longest {
		name = name[:longest] + "..."
	}
	return strconv.Quote(name)
}
