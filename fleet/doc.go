/*
Package fleet manages the enrollments of a Device Provisioning Service by the thousand and the million, at the quota of the service.
It is built on package azdps, and its functions are generic over [azdps.IndividualEnrollment] and [azdps.EnrollmentGroup].

# What there is

  - [Bulk] creates, updates and deletes records, ten a call.
  - [ReadJSONL], [ReadCSV], [WriteJSONL] and [WriteCSV] are files of records; [CheckJSONL] and [CheckCSV] find their faults before the
    first request.
  - [Export] reads a service, and [Copy] creates its records in another one.
  - [NewPlan] compares what is wanted with what a service holds, and [Plan.Apply] changes just that.
  - [RotateKeys], [RotateCertificates] and [Expiring] keep keys and certificates fresh.
  - [States] and [Decommission] look after the devices that have registered.

examples/fleet of this module has all that as a program with commands.

# A run

Records come in as an [iter.Seq2] and outcomes go out as one, so that no run holds more than a small number of them. This imports
a file, and goes on where it was if it is started again:

	journal, err := fleet.OpenJournal(journalPath)
	if err != nil {
		return err
	}
	defer func() { _ = journal.Close() }()
	records := fleet.ReadJSONL[azdps.IndividualEnrollment](file)
	options := &fleet.BulkOptions{Journal: journal}
	for outcome, err := range fleet.Bulk(ctx, client, azdps.BulkOperationModeCreate, records, options) {
		if err != nil {
			return fmt.Errorf("ended early: %w", err)
		}
		fmt.Println(outcome.ID, outcome.Result)
	}

Each record has one [Outcome], as soon as it is known, whose [Result] says what became of it and whose Err says why if that is no success.
An error beside the outcome is the last thing that a run yields, and says that it ended early.

Records may come from anywhere. A sequence over the rows of a query, say, is a function that yields them:

	records := func(yield func(azdps.IndividualEnrollment, error) bool) {
		...
	}

A run is lazy: nothing happens before the loop, and each loop runs anew. The sequences of records run in the goroutine of the caller,
and so do the callbacks. The calls run in goroutines that end before the loop does, however that ends. Leaving the loop ends the run.
[Options].Progress tells where it is.

# What it costs

A service takes 1,000 operations a minute. This is what the functions take of them:

	function                    operations a record
	Bulk create, delete         0.1
	Bulk update                 1.1; 2.1 for symmetric keys that the record leaves out
	Bulk updateIfMatchETag      0.1; 1.1 for symmetric keys that the record leaves out
	Export, NewPlan, Expiring   0.01, one a page of a hundred; and with Keys of the options, or in a plan
	                            that has keys, 1 for a record with symmetric keys
	Plan.Apply                  0.1 to create or update, 1.1 to update a record whose keys are kept, 1 to delete
	Copy                        0.01 to 1.01 of the one service, as Export with Keys, and 0.1 of the other
	RotateKeys                  3; 2 if it is left alone
	RotateCertificates          2; 1 if it is left alone
	States                      1.01
	Decommission                3; 2 if there is nothing; with DisableOnly 1 more for symmetric keys
	files, checks               none

So a million records are created in an hour and 41 minutes, and their keys rotated in about 50 hours. Lost answers and repeats
come on top. CountItems of [Options] is for a service that counts the items of a bulk operation one by one; Microsoft does not
document which it does, and the billing suggests that it does not.

# Pace

A [Limiter] sends operations evenly, 1 % below the quota. Everything that calls the same service should share one; runs without one get
their own:

	limiter := fleet.NewLimiter(100) // operations a minute

	options := &fleet.BulkOptions{Options: fleet.Options{Limiter: limiter}}

When the service throttles all the same, because another program uses it, all calls of the limiter wait for as long as the service says;
that is no failure, and is waited for without end unless the context has one. The limiter then goes on at the rate that was admitted,
and slowly tries for more. As many calls are in flight as their latency needs for that, MaxConcurrency of [Options] at most.

# Faults and lost answers

Package fleet repeats what fails for a moment: it turns the retries of the client off, since they would hide from it which answers
were lost and what was sent. A try gets 60 seconds. What is refused before it was applied, and all reads, are tried up to eight times in
about a minute; 503 is waited for up to an hour.

A write whose answer is lost may have been applied. A run asks the service and reports what is true; see [Bulk]. So a create that was
applied and answered by a broken connection is created, not in conflict with itself. [ResultUnknown] is left for a record only if the
service cannot be asked either, or if its answer does not tell.

An error that concerns a record becomes its [Outcome], and the run goes on. MaxFailures and MaxFailureShare of [Options] say when there
are too many of them; the run then ends with [ErrTooManyFailures]. An error that concerns all records ends the run: a credential that
is refused, a service that cannot be reached.

# The journal

A [Journal] is a file beside the run. Started again with the same input, a run reports what was done without doing it again, asks for what
was under way, and does the rest. It may be killed at any moment. Records may be added to the end of the input meanwhile; another input
is refused with [ErrJournalMismatch]. There are no ids, keys or certificates in it, so keep the input.

Bulk, Copy, RotateKeys, RotateCertificates and Decommission take one. An export goes on with the continuation token of a page instead,
and a plan is made anew.

# Files

A file has a record a line as JSON, or a row as CSV; [CSVOptions] describes the table. Check it first, for the service tells one fault a
request:

	for err := range fleet.CheckJSONL[azdps.IndividualEnrollment](file, azdps.BulkOperationModeCreate) {
		fmt.Println(err)
		faults++
	}

A bad line is an [*InputError] with its place, and never quotes a value, which may be a key. Reading goes on after it, and [Bulk] makes it
the outcome of that record. Files with keys belong to their owner alone: make them with [CreateFile].

# Plan and apply

A plan says what has to change for a service to hold the records of a file, as text or JSON for a person to agree to. Equal is what the
service treats as equal. Records that are not desired are left alone unless Delete and MaxDeletes of [PlanOptions] say otherwise. Apply
writes under the ETags of the plan, so it never undoes what somebody else did since; and after it the next plan is empty:

	plan, err := fleet.NewPlan(ctx, client, desired, nil)
	...
	if err := plan.WriteText(os.Stdout); err != nil {
		...
	}
	for outcome, err := range plan.Apply(ctx, nil) {
		...
	}

The desired sequence is ranged over several times: it must open its file anew.

# Keys and certificates

A record has a primary and a secondary key or certificate, and its devices may use either. A rotation keeps the one that they use and
brings in the next one in its place, and once they use that, it can be run again:

	RotateKeys           the new key becomes the primary one, and the primary one the secondary one
	RotateCertificates   the secondary certificate becomes the primary one, and the next one the secondary one

Both can be started again after any end, and rotate no record twice; see there for what RotateKeys needs for that. [Expiring] lists the
certificates that end before a time.

# Taking devices out of service

[Decommission] deletes the enrollment of a device and then its registration, or with DisableOnly disables the enrollment. A device of a
group can register again, unless it has an enrollment of its own that is disabled. What a device has in its IoT hub stays there; [States]
tells which hub that is, before.

# Memory and tests

No run holds more than a thousand records at a time, and a plan up to 4,096 while it is made. Besides, a plan holds 17 bytes for each
desired record, 40 while it is made, some 100 for one to create and some 300 for one to update; see [NewPlan]. A journal holds one byte
for each record, and the reasons of those that failed.

Package [github.com/azdps/azdps/dpstest] is a
service in memory. Its Transport works in a bubble of testing/synctest, where an hour at the quota takes a moment. The tests of this
package import a million records that way, and kill a process twenty times:

	AZDPS_LONG=1 go test ./fleet -run 'TestMillion|TestCrash' -v -timeout 60m
*/
package fleet
