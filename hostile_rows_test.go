package azdps_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

const jsonHeader = "Content-Type: application/json; charset=utf-8"

// chunked is the head of an answer of any length.
const chunked = "HTTP/1.1 200 OK\r\n" + jsonHeader + "\r\nTransfer-Encoding: chunked\r\n\r\n"

// hostileConnections never come to an answer.
var hostileConnections = map[string]hostile{
	"connection refused": {
		dial: func(context.Context, string) error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		},
		tries: 4, arrive: -1, is: syscall.ECONNREFUSED, text: "connection refused"},
	"no such host": {
		dial: func(_ context.Context, address string) error {
			return &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}
		},
		tries: 4, arrive: -1, text: "no such host"},
	"a connection that never comes": {
		dial:  func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() },
		tries: 4, arrive: -1, try: time.Minute, is: context.DeadlineExceeded, text: "within the TryTimeout"},
	"reset before the request is read": {
		serve: func(*peer) {}, tries: 4, arrive: -1, unknown: true},
	"reset in the request": {
		serve: func(p *peer) { _, _ = io.ReadFull(p.in, make([]byte, 10)) }, tries: 4, arrive: -1, unknown: true},
	"reset after the request is read": {
		serve: func(p *peer) { p.read() }, tries: 4, unknown: true, is: io.EOF},
	"the request is never read": {
		serve: func(*peer) { time.Sleep(time.Hour) }, tries: 4, arrive: -1, try: time.Minute, unknown: true, is: context.DeadlineExceeded, text: "within the TryTimeout"},
	"no answer": {
		serve: func(p *peer) { p.read(); p.wait() }, tries: 4, try: time.Minute, unknown: true, is: context.DeadlineExceeded, text: "within the TryTimeout"},
	"another protocol": {
		serve: saysAndCloses("SSH-2.0-OpenSSH_9.6\r\n"), tries: 4, unknown: true, text: "malformed HTTP response"},
	"half a status line": {
		serve: saysAndCloses("HTTP/1.1 20"), tries: 4, unknown: true, text: "malformed HTTP status code"},
}

// hostileHeaders never come to a body.
var hostileHeaders = map[string]hostile{
	"headers that never end": {
		serve: begins("HTTP/1.1 200 OK\r\n", func(p *peer) { p.flood("X-Filler: a\r\n") }), tries: 4, unknown: true, text: "server response headers exceeded"},
	"a header that never ends": {
		serve: begins("HTTP/1.1 200 OK\r\nX-Filler: ", func(p *peer) { p.flood("a") }), tries: 4, unknown: true, text: "server response headers exceeded"},
	"headers that never end, slowly": {
		serve: begins("HTTP/1.1 200 OK\r\n", func(p *peer) { p.dribble("X-Filler: a\r\n") }),
		tries: 4, try: time.Minute, unknown: true, is: context.DeadlineExceeded, text: "within the TryTimeout"},
	"headers that break off": {
		serve: saysAndCloses("HTTP/1.1 200 OK\r\nContent-Type: app"), tries: 4, unknown: true, is: io.ErrUnexpectedEOF},
	"a header without a name": {
		serve: says("HTTP/1.1 200 OK\r\n: a\r\n\r\n"), tries: 4, unknown: true, text: "malformed MIME header"},
	"a Content-Length that is no number": {
		serve: says("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), tries: 4, unknown: true, text: "Content-Length"},
	"two lengths": {
		serve: says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n[]"), tries: 4, unknown: true, text: "Content-Length"},
	"interim answers that never end": {
		serve: func(p *peer) { p.read(); p.flood("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") },
		tries: 4, unknown: true, text: "server response headers exceeded"},
	"another protocol is switched to": {
		serve: begins("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", (*peer).wait),
		tries: 1, unknown: true, text: "101"},
}

// hostileBodies never end, end too soon or are too large.
var hostileBodies = map[string]hostile{
	"a body that never ends": {
		serve: begins(chunked, func(p *peer) { p.flood("8\r\n[[[[[[[[\r\n") }), tries: 1, unknown: true, text: "MaxResponseBody"},
	"a body that never ends, without chunks": {
		serve: begins("HTTP/1.0 200 OK\r\n\r\n", func(p *peer) { p.flood("[") }), tries: 1, unknown: true, text: "MaxResponseBody"},
	"a body that never ends, slowly": {
		serve: begins(chunked, func(p *peer) { p.dribble("1\r\n \r\n") }),
		tries: 4, try: time.Minute, unknown: true, is: context.DeadlineExceeded, text: "within the TryTimeout", but: once},
	"a body of 1 GB": {
		serve: begins("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", func(p *peer) { p.flood(" ") }), tries: 1, unknown: true, text: "MaxResponseBody"},
	"an error of 1 GB": {
		serve: begins("HTTP/1.1 503 Busy\r\nContent-Length: 1073741824\r\n\r\n", func(p *peer) { p.flood(" ") }), tries: 1, text: "answer 503 is larger than the 65536 bytes of ClientOptions.MaxResponseBody"},
	"an error that never ends": {
		serve: begins("HTTP/1.0 400 Bad\r\n\r\n", func(p *peer) { p.flood("<") }), tries: 1, text: "MaxResponseBody"},
	"a small body that is large": {
		serve: says(rawAnswer(200, gzipBomb(), jsonHeader, "Content-Encoding: gzip")), tries: 1, unknown: true, text: "MaxResponseBody"},
	"a compressed body that is none": {
		serve: says(rawAnswer(200, "[]", jsonHeader, "Content-Encoding: gzip")), tries: 4, unknown: true, text: "broke off", but: once},
	"a compressed body that breaks off": {
		serve: says(rawAnswer(200, gzipBomb()[:20], jsonHeader, "Content-Encoding: gzip")), tries: 4, unknown: true, is: io.ErrUnexpectedEOF, but: once},
	"a compression that was not asked for": {
		serve: says(rawAnswer(200, "\x0b\x01\x80[]\x03", jsonHeader, "Content-Encoding: br")), tries: 1, unknown: true, text: "is not the JSON of the service"},
	"a chunk without a size": {
		serve: begins(chunked+"many\r\n", (*peer).wait), tries: 4, unknown: true, text: "broke off", but: once},
	"a chunk of a size beyond numbers": {
		serve: begins(chunked+"ffffffffffffffffff\r\n", (*peer).wait), tries: 4, unknown: true, text: "broke off", but: once},
	"a chunk extension that never ends": {
		serve: begins(chunked+"1;a=", func(p *peer) { p.flood("a") }), tries: 4, unknown: true, text: "broke off", but: once},
	"a trailer that never ends": {
		serve: begins(chunked+"2\r\n[]\r\n0\r\n", func(p *peer) { p.flood("X-Filler: a\r\n") }), tries: 4, unknown: true, text: "broke off", but: once},
	"a Content-Length that is too long": {
		serve: saysAndCloses("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[]"), tries: 4, unknown: true, is: io.ErrUnexpectedEOF, text: "broke off", but: once},
	"a Content-Length that is too long, in silence": {
		serve: begins("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[]", (*peer).wait),
		tries: 4, try: time.Minute, unknown: true, is: context.DeadlineExceeded, text: "within the TryTimeout", but: once},
	"a Content-Length that is too short": {
		answer: func(operation call) string {
			return "HTTP/1.1 200 OK\r\n" + jsonHeader + "\r\nContent-Length: 1\r\n\r\n" + cmp.Or(operation.answer, "{}")
		}, tries: 1, unknown: true, is: io.ErrUnexpectedEOF,
		text: "is not the JSON of the service", but: notEmpty},
	"a refusal that breaks off": {
		serve: saysAndCloses("HTTP/1.1 409 Conflict\r\nContent-Length: 9\r\n\r\n{"), tries: 4, is: io.ErrUnexpectedEOF, text: "answer 409 broke off", but: once},
	"an error that breaks off": {
		serve: saysAndCloses("HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\n{"), tries: 4, unknown: true, is: io.ErrUnexpectedEOF, text: "broke off", but: once},
}

// hostileAnswers are whole, but not those of the service.
var hostileAnswers = map[string]hostile{
	"JSON that ends too soon": {
		answer: func(operation call) string {
			whole := cmp.Or(operation.answer, "{}")
			return rawAnswer(200, whole[:len(whole)-1], jsonHeader)
		}, tries: 1, unknown: true, is: io.ErrUnexpectedEOF, text: "is not the JSON of the service", but: notEmpty},
	"a number":  {serve: says(rawAnswer(200, "1", jsonHeader)), tries: 1, unknown: true, text: "is not the JSON of the service"},
	"a string":  {serve: says(rawAnswer(200, `"`+wireKey+`"`, jsonHeader)), tries: 1, unknown: true, text: "is not the JSON of the service"},
	"a boolean": {serve: says(rawAnswer(200, "true", jsonHeader)), tries: 1, unknown: true, text: "is not the JSON of the service"},
	"null":      {serve: says(rawAnswer(200, "null", jsonHeader)), tries: 1, unknown: true, text: "is not the JSON of the service"},
	"lists":     {serve: says(rawAnswer(200, "[[]]", jsonHeader)), tries: 1, unknown: true, text: "is not the JSON of the service"},
	"an object that has nothing but objects": {
		serve: says(rawAnswer(200, `{"type":{},"errors":{},"attestation":[],"status":[]}`, jsonHeader)), tries: 1, unknown: true,
		text: "is not the JSON of the service"},
	"an object of somebody else": {
		serve: says(rawAnswer(200, `{"error":"log in"}`, jsonHeader)), tries: 1, unknown: true, text: "is not the JSON of the service", but: ofNoItem},
	"JSON that is deep": {
		serve: says(rawAnswer(200, strings.Repeat("[", 20000), jsonHeader)), tries: 1, unknown: true, text: "is not the JSON of the service"},
	"JSON with more after it": {
		serve: says(rawAnswer(200, "{}{}", jsonHeader)), tries: 1, unknown: true, text: "is not the JSON of the service"},
	"UTF-16": {
		serve: says(rawAnswer(200, "\xff\xfe{\x00}\x00", jsonHeader)), tries: 1, unknown: true, text: "is not the JSON of the service"},
	"HTML with 200": {
		serve: says(rawAnswer(200, "<html>Sign in</html>", "Content-Type: text/html")), tries: 1, unknown: true, text: `(Content-Type "text/html")`},
	"HTML with 404": {
		serve: says(rawAnswer(404, "<html>", "Content-Type: text/html")), tries: 1, status: 404, text: "<html>"},
	"200 without a body": {
		serve: says(rawAnswer(200, "")), tries: 1, unknown: true, is: io.ErrUnexpectedEOF, text: "is not the JSON of the service", but: deleted},
	"204 with a body": {
		serve: says("HTTP/1.1 204 No Content\r\n" + jsonHeader + "\r\nContent-Length: 2\r\n\r\n{}"), tries: 1, unknown: true,
		is: io.ErrUnexpectedEOF, text: "answer 204 is not the JSON of the service", but: deleted},
	"an answer before the request is read": {
		serve: func(p *peer) {
			_, _ = io.ReadFull(p.Conn, make([]byte, 1))
			p.write(rawAnswer(400, ""))
			p.wait()
		}, tries: 1, arrive: -1, status: 400},
	"202": {serve: says(rawAnswer(202, "{}", jsonHeader)), tries: 1, status: 202, unknown: true},
	"206": {serve: says(rawAnswer(206, "{}", jsonHeader)), tries: 1, status: 206, unknown: true},
	"304": {serve: says(rawAnswer(304, "")), tries: 1, status: 304},
	"407": {serve: says(rawAnswer(407, "", "Proxy-Authenticate: Basic")), tries: 1, status: 407},
	"417": {serve: says(rawAnswer(417, "")), tries: 1, status: 417},
	"505": {serve: says(rawAnswer(505, "")), tries: 1, status: 505},
	"524": {serve: says(rawAnswer(524, "")), tries: 1, status: 524, unknown: true},
	"999": {serve: says(rawAnswer(999, "")), tries: 1, status: 999, unknown: true},
	"a Connection that closes": {
		serve: says(rawAnswer(http.StatusServiceUnavailable, "", "Connection: close")), tries: 4, status: http.StatusServiceUnavailable},
}

// gzipBomb is 1 GB of white space in some 1 MB: the same MB again and again, as gzip lets members follow each other.
var gzipBomb = sync.OnceValue(func() string {
	var member bytes.Buffer
	writer := gzip.NewWriter(&member)
	_, _ = io.WriteString(writer, strings.Repeat(" ", 1<<20))
	_ = writer.Close()
	return strings.Repeat(member.String(), 1<<10)
})
