package fleet

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// CSVOptions are the options of [ReadCSV], [WriteCSV] and [CheckCSV].
//
// # The table
//
// The first row is the header. It names columns of this list, each once, in any order; only the id is required. Cells are
// separated by commas and quoted as RFC 4180 says, the text is UTF-8, with or without a byte order mark, and a row has up to
// [MaxRecordSize] bytes. Rows without any text are ignored. An empty cell is a member that is absent.
//
//	column                       member of the record
//	registrationId               the same, of an individual enrollment
//	enrollmentGroupId            the same, of an enrollment group
//	deviceId                     the same (individual enrollments only)
//	provisioningStatus           the same: enabled or disabled
//	attestation                  attestation.type: symmetricKey, tpm or x509
//	primaryKey                   attestation.symmetricKey.primaryKey; without keys the service makes them
//	secondaryKey                 attestation.symmetricKey.secondaryKey
//	endorsementKey               attestation.tpm.endorsementKey
//	storageRootKey               attestation.tpm.storageRootKey
//	certificate                  attestation.x509.clientCertificates.primary.certificate, as PEM or the base64 of DER
//	secondaryCertificate         attestation.x509.clientCertificates.secondary.certificate
//	signingCertificate           attestation.x509.signingCertificates.primary.certificate
//	secondarySigningCertificate  attestation.x509.signingCertificates.secondary.certificate
//	caReference                  attestation.x509.caReferences.primary
//	secondaryCaReference         attestation.x509.caReferences.secondary
//	allocationPolicy             the same: hashed, geoLatency, static or custom
//	iotHubs                      the same: host names with semicolons between them
//	iotHubHostName               the same
//	webhookUrl                   customAllocationDefinition.webhookUrl
//	webhookApiVersion            customAllocationDefinition.apiVersion
//	iotEdge                      capabilities.iotEdge: true or false, in any case
//	updateHubAssignment          reprovisionPolicy.updateHubAssignment: true or false; true if only the other is given
//	migrateDeviceData            reprovisionPolicy.migrateDeviceData: true or false; true if only the other is given
//	namespaceName                the same
//	certificateAuthorityName     the same
//	certificatePolicyName        the same
//	tags                         initialTwin.tags: a JSON object
//	desired                      initialTwin.properties.desired: a JSON object
//	optionalDeviceInformation    the same: a JSON object (individual enrollments only)
//	etag                         the same
//	createdDateTimeUtc           the same; the service does not take it
//	lastUpdatedDateTimeUtc       the same; the service does not take it
//	registrationState            the same: a JSON object (individual enrollments only); the service does not take it
//	additionalProperties         a JSON object with all members that have no column, at the place that they have in a record
//
// In place of one column for tags, desired or optionalDeviceInformation there may be a column for each of their members, named by
// its path: tags.site, desired.telemetry.interval, up to 32 names below the first. A cell of such a column that is JSON, such
// as 20, true, null, "20" or [1,2], has that value; any other text is a string. To get a string that looks like JSON, write it
// in quotes, as JSON does.
//
// # What is written
//
// The header has all columns of this list for the kind of record, in this order, whether they are used or not. What no column can
// hold goes to additionalProperties, so that nothing is lost: members that this version does not know, the info of
// certificates, lists and objects that are there but empty, and texts with CR LF, which CSV would read as LF. Only white space
// between the tokens of unknown members is lost, and an attestation by keys without a symmetricKey reads back with an empty one,
// which means the same.
//
// # Formulas
//
// Spreadsheets run a cell as a formula that begins with =, +, - or @, which may send the table elsewhere. So a cell that begins with
// one of these or its full-width form, also after white space or characters that are not seen, and one that begins with a tab, CR,
// LF, NUL or an apostrophe, is written with an apostrophe before it. Reading takes that apostrophe off, and no other. RawCells
// turns off both.
//
// That holds for cells as commas separate them. A program that is set to separate at semicolons, as spreadsheets are in some
// countries when they open a file by its name, makes other cells of the text; import the table with the comma as separator.
type CSVOptions struct {
	// RawCells writes and reads cells as they are, those too that a spreadsheet takes for formulas.
	RawCells bool

	// OmitHeader writes no header, to append to a table that has one.
	OmitHeader bool
}

// protect makes text of what a spreadsheet would take for a formula.
func (o CSVOptions) protect(cell string) string {
	if !o.RawCells && isDangerous(cell) {
		return "'" + cell
	}
	return cell
}

// unprotect undoes protect.
func (o CSVOptions) unprotect(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && !o.RawCells && isDangerous(rest) {
		return rest
	}
	return cell
}

// isDangerous knows the beginnings of formulas, and the apostrophe that protects from them. See
// https://owasp.org/www-community/attacks/CSV_Injection.
func isDangerous(cell string) bool {
	first, _ := utf8.DecodeRuneInString(cell)
	seen, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(cell, isUnseen))
	return cell != "" && strings.ContainsRune("'\t\r\n\x00", first) || strings.ContainsRune("=+-@＝＋－＠", seen)
}

// isUnseen tells of white space, control characters and those that only format.
func isUnseen(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}
