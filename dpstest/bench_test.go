package dpstest_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
)

const withGeneratedKeys = `{"type":"symmetricKey"}`

// fill gives a server so many enrollments, which differ by their ids.
func fill(tb testing.TB, srv *dpstest.Server, count int, attestation string) {
	tb.Helper()
	reader, writer := io.Pipe()
	go func() {
		for i := range count {
			_, _ = fmt.Fprintf(writer, `{"registrationId":"device-%d","attestation":%s}`+"\n", i, attestation)
		}
		_ = writer.Close()
	}()
	require.NoError(tb, srv.Load(reader))
}

// ask returns a function that sends one request with a signature made before, so that a benchmark measures the server.
func ask(b *testing.B, srv *dpstest.Server, client *http.Client, method, path string) func() {
	b.Helper()
	host, rest, _ := strings.Cut(strings.TrimPrefix(srv.ConnectionString(), "HostName="), ";")
	_, key, _ := strings.Cut(rest, "SharedAccessKey=")
	return exchange(client, method, srv.URL()+path, sas(host, "provisioningserviceowner", key, time.Now().Add(time.Hour)), 200)
}

// exchange returns a function that sends a request and reads the answer, which must have the status.
func exchange(client *http.Client, method, url, signature string, status int) func() {
	return func() {
		request, err := http.NewRequest(method, url+"?api-version=2021-10-01", nil)
		if err != nil {
			panic(err)
		}
		request.Header.Set("Authorization", signature)
		response, err := client.Do(request)
		if err != nil {
			panic(err)
		}
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != status {
			panic(fmt.Sprint(response.Status, err))
		}
	}
}

func perSecond(b *testing.B) { b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s") }

func BenchmarkGet(b *testing.B) {
	srv := dpstest.NewUnstartedServer(nil)
	defer srv.Close()
	fill(b, srv, 1000, withGeneratedKeys)
	get := ask(b, srv, srv.Transport(), "GET", "/enrollments/device-500")
	b.ReportAllocs()
	for b.Loop() {
		get()
	}
	perSecond(b)
}

func BenchmarkGetInParallel(b *testing.B) {
	srv := dpstest.NewUnstartedServer(nil)
	defer srv.Close()
	fill(b, srv, 1000, withGeneratedKeys)
	get := ask(b, srv, srv.Transport(), "GET", "/enrollments/device-500")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			get()
		}
	})
	perSecond(b)
}

func BenchmarkGetOverSocket(b *testing.B) {
	srv := dpstest.NewServer(nil)
	defer srv.Close()
	fill(b, srv, 1000, withGeneratedKeys)
	get := ask(b, srv, srv.Client(), "GET", "/enrollments/device-500")
	b.ReportAllocs()
	for b.Loop() {
		get()
	}
	perSecond(b)
}

func BenchmarkQueryPage(b *testing.B) {
	srv := dpstest.NewUnstartedServer(nil)
	defer srv.Close()
	fill(b, srv, 1000, withGeneratedKeys)
	query := ask(b, srv, srv.Transport(), "POST", "/enrollments/query")
	b.ReportAllocs()
	for b.Loop() {
		query()
	}
	perSecond(b)
}

func BenchmarkRegister(b *testing.B) {
	srv := dpstest.NewUnstartedServer(nil)
	defer srv.Close()
	require.NoError(b, srv.Load(strings.NewReader(`{"enrollmentGroupId":"g",`+keyed+`}`)))
	path := srv.IDScope() + "/registrations/dev-1"
	signature := sas(path, "registration", derived("dev-1"), time.Now().Add(time.Hour))
	register := exchange(srv.Transport(), "PUT", srv.DeviceURL()+"/"+path+"/register", signature, 202)
	b.ReportAllocs()
	for b.Loop() {
		register()
	}
	perSecond(b)
}

// TestHeapOfManyEnrollments measures what the records of a large service take. It needs the heap for itself, so it does
// not run in parallel, and only when it is asked for:
//
//	AZDPS_LONG=1 go test ./dpstest -run TestHeapOfManyEnrollments -v
func TestHeapOfManyEnrollments(t *testing.T) {
	if os.Getenv("AZDPS_LONG") == "" {
		t.Skip("AZDPS_LONG is not set")
	}
	certificates := `{"primary":` + inJSON(t, issue(t, "device", false, nil)) + `}`
	for name, attestation := range map[string]string{
		"symmetric keys": withGeneratedKeys,
		"certificates":   `{"type":"x509","x509":{"clientCertificates":` + certificates + `}}`,
	} {
		t.Run(name, func(t *testing.T) {
			srv := dpstest.NewUnstartedServer(nil)
			defer srv.Close()
			before := liveHeap()
			fill(t, srv, 100_000, attestation)
			used := liveHeap() - before
			runtime.KeepAlive(srv)
			t.Logf("100,000 enrollments take %.1f MB of live heap", float64(used)/1e6)
			require.Less(t, used, int64(200_000_000))
		})
	}
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
