package stub

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Handler serves endpoints whose path says what they hold: /{kind}/{total} has so many records of a kind.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{kind}/{total}/enrollments/{id}", one(false))
	mux.HandleFunc("PUT /{kind}/{total}/enrollments/{id}", one(true))
	mux.HandleFunc("POST /{kind}/{total}/enrollments", bulk)
	mux.HandleFunc("POST /{kind}/{total}/enrollments/query", query)
	return mux
}

func one(written bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		i, err := strconv.Atoi(strings.TrimPrefix(r.PathValue("id"), "device-"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		answer(w, Single(Kind(r.PathValue("kind")), i, written))
	}
}

func bulk(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	answer(w, []byte(`{"errors":[],"isSuccessful":true}`))
}

func query(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	total, _ := strconv.Atoi(r.PathValue("total"))
	first, _ := strconv.Atoi(r.Header.Get("X-Ms-Continuation"))
	size, _ := strconv.Atoi(r.Header.Get("X-Ms-Max-Item-Count"))
	if size == 0 {
		size = 100
	}
	end := min(total, first+size)
	if end < total {
		w.Header().Set("X-Ms-Continuation", strconv.Itoa(end))
	}
	answer(w, Page(Kind(r.PathValue("kind")), first, end))
}

// Page is the JSON of the records from first up to end.
func Page(kind Kind, first, end int) []byte {
	b := append(make([]byte, 0, 1000*(end-first)), '[')
	for i := first; i < end; i++ {
		if i > first {
			b = append(b, ',')
		}
		b = AppendRecord(b, kind, i)
	}
	return append(b, ']')
}

// answer adds the headers that the service sends. Without a Content-Length, a long body goes out in chunks, as that of the service
// does.
func answer(w http.ResponseWriter, body []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("X-Ms-Item-Type", "enrollment")
	header.Set("X-Ms-Request-Id", "5b0b9a5c-6d8a-4f0e-9a0e-2f4b8a7d1c3e")
	header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	_, _ = w.Write(body)
}
