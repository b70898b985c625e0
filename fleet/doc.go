/*
Package fleet manages the enrollments of a Device Provisioning Service by the thousand and the million, at the quota of the service.
It is built on package azdps, and its functions are generic over [azdps.IndividualEnrollment] and [azdps.EnrollmentGroup].

Records come in as an [iter.Seq2] and outcomes go out as one, so that no run holds more than a small number of them. This imports
a file, and goes on where it was if it is started again:

	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(...)
	...
	journal, err := fleet.OpenJournal("import.journal")
	...
	defer journal.Close()
	records := fleet.ReadJSONL[azdps.IndividualEnrollment](file)
	options := &fleet.BulkOptions{Journal: journal}
	for outcome, err := range fleet.Bulk(ctx, client, azdps.BulkOperationModeCreate, records, options) {
		if err != nil {
			log.Fatal(err) // the run ended early
		}
		if outcome.Err != nil {
			log.Print(outcome.ID, " ", outcome.Result, " ", outcome.Err)
		}
	}

# What there is

  - [Bulk] creates, updates and deletes records, ten a call.
  - [ReadJSONL], [ReadCSV], [WriteJSONL] and [WriteCSV] are files of records; [Export] and [Copy] read a service.
  - [NewPlan] compares what is wanted with what a service holds, and its Apply changes just that.
  - [RotateKeys], [RotateCertificates] and [Expiring] keep keys and certificates fresh.
  - [States] and [Decommission] look after the devices that have registered.

# The quota

A service takes 1,000 operations a minute, and answers 429 to more. A [Limiter] sends them evenly, 1 % below that. Everything that
calls the same service should share one; runs without one get their own:

	limiter := fleet.NewLimiter(0)
	options := &fleet.BulkOptions{Options: fleet.Options{Limiter: limiter}}

A million records in mode create take 100,000 operations, which is an hour and 41 minutes. When the service throttles all the
same, because another program uses it, all calls of the limiter wait for as long as the service says; that is no failure, and is
waited for without end unless the context has one. The limiter then goes on at the rate that was admitted, and slowly
tries for more. As many calls are in flight as their latency needs for that, 64 at most.

# Faults

Package fleet repeats what fails for a moment: it turns the retries of the client off, since they would hide from it which answers
were lost and what was sent. A try gets 60 seconds. What is refused before it was applied, and all reads, are tried up to eight
times in about a minute; 503 is waited for up to an hour.

A write whose answer is lost may have been applied. A run asks the service and reports what is true; see [Bulk]. So a create that
was applied and answered by a broken connection is created, not in conflict with itself.

An error that concerns a record becomes its [Outcome], and the run goes on. MaxFailures and MaxFailureShare of [Options] say when
there are too many of them. An error that concerns all records ends the run: a credential that is refused, a service that
cannot be reached.

# Going on after a crash

A [Journal] is a file beside the run. Started again with the same input, a run reports what was done without doing it again, asks for
what was under way, and does the rest. It may be killed at any moment.

# Memory and goroutines

The sequences of records run in the goroutine of the caller, and so do the callbacks. The calls run in goroutines that end before
the loop over a run does, however that ends. A run is lazy: nothing happens before the loop, and each loop runs anew.

# Tests

Package [github.com/azdps/azdps/dpstest] is a service in memory. Its Transport works in a bubble of testing/synctest, where an hour at the
quota takes a moment. The tests of this package import a million records that way, and kill a process twenty times:

	AZDPS_LONG=1 go test ./fleet -run 'TestMillion|TestCrash' -v -timeout 60m
*/
package fleet
