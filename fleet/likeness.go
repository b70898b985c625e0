package fleet

import (
	"reflect"
	"slices"
	"strings"
)

// likeness is what a comparison tells of a record that may have been written.
type likeness int

const (
	differs   likeness = iota // the service holds another one
	mayBeSame                 // it may be the one that was sent, without what the service does not keep
	isSame
)

// laterMembers are ignored by earlier versions of the API than the one that brought them.
var laterMembers = []string{"namespaceName", "certificateAuthorityName", "certificatePolicyName"}

// compare tells whether found is what the service made of sent. A service may drop members that it does not know, and may add such
// as this version does not know; nobody can tell then whose record it is.
func (k kind[T]) compare(sent, found T) likeness {
	a, b := k.normalForm(sent), k.normalForm(found)
	if a == nil || b == nil {
		return differs
	}
	forgetUnknownKeys(a, b)
	uncertain := forgetUncertain(a, b, reflect.TypeFor[T]())
	switch {
	case !reflect.DeepEqual(a, b):
		return differs
	case uncertain:
		return mayBeSame
	}
	return isSame
}

// forgetUncertain leaves out of two objects the members that only one has because the service may have dropped or added them, and
// what means nothing. It says whether there were any of the first kind.
func forgetUncertain(sent, found map[string]any, model reflect.Type) (uncertain bool) {
	known := jsonMembers(model)
	for name, inner := range known {
		if inner.Kind() == reflect.Struct && forgetUncertainIn(sent, found, name, inner) {
			uncertain = true
		}
	}
	forget := func(from, other map[string]any, isLater func(string) bool) {
		for name, value := range from {
			_, isKnown := known[name]
			switch {
			case value == nil:
				delete(from, name)
			case other[name] == nil && (!isKnown || isLater(name)):
				delete(from, name)
				uncertain = true
			}
		}
	}
	forget(sent, found, func(name string) bool { return slices.Contains(laterMembers, name) })
	forget(found, sent, func(string) bool { return false })
	return uncertain
}

// forgetUncertainIn does so in a member of both that is an object. One that is empty, or becomes so, is as good as none.
func forgetUncertainIn(sent, found map[string]any, name string, model reflect.Type) (uncertain bool) {
	mine, isMine := sent[name].(map[string]any)
	yours, isYours := found[name].(map[string]any)
	if !isMine && sent[name] != nil || !isYours && found[name] != nil {
		return false // a certificate is its thumbprint
	}
	uncertain = forgetUncertain(mine, yours, model)
	if len(mine) == 0 {
		delete(sent, name)
	}
	if len(yours) == 0 {
		delete(found, name)
	}
	return uncertain
}

// jsonMembers are the members of the JSON of a model, and the types that they have or point to.
func jsonMembers(model reflect.Type) map[string]reflect.Type {
	list := make(map[string]reflect.Type)
	for field := range model.Fields() {
		kind := field.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
			list[name] = kind
		}
	}
	return list
}
