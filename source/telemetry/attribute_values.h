#pragma once

// What expressions get to see of heads, notes and certificates: shared by the views of a request that is on its way
// (filter/request_attributes.h) and of one that is over (record_attributes.h). Texts are views of what is asked, or in the
// arena.

#include <string_view>

#include "source/base/arena.h"
#include "source/expression/attributes.h"
#include "source/http/message.h"
#include "source/metadata/annotations.h"
#include "source/telemetry/request_record.h"

namespace pillion::tls {
class Facts;
}

namespace pillion::telemetry {

struct RequestRecord;

// Missing, where it is empty.
expression::Value TextOrMissing(std::string_view text);

// How large a request was, and its answer: body and fields, as texts.
expression::Value RequestTotalSize(const RequestRecord& record);
expression::Value ResponseTotalSize(const RequestRecord& record);

// Of attributes that a head alone tells; Missing() of others.
expression::Value OfHead(const http::RequestHead& head, expression::Attribute which);
// Of the port behind "192.0.2.1:80" or "[2001:db8::1]:80".
expression::Value PortOf(std::string_view address);
// Of the answer's trailers, or else its head; either may be null.
expression::Value GrpcStatusIn(const http::HeaderMap* trailers, const http::HeaderMap* headers);

// All fields of that name, in any case, joined; NoSuchKey where there is none.
expression::Value FindField(const http::HeaderMap& fields, const expression::Key& key, base::Arena& arena);
// The same, and what HTTP/2 has as fields with a colon.
expression::Value FindField(const http::RequestHead& head, const expression::Key& key, base::Arena& arena);
// Each once.
expression::Value NamesOf(const http::HeaderMap& fields, base::Arena& arena);

expression::Value FromMetadata(const metadata::Value& from, base::Arena& arena, int depth = 0);
// What filters noted under a namespace; `notes` may be null.
expression::Value NotedIn(const metadata::Annotations* notes, std::string_view space, base::Arena& arena);
// Of request.cost, request.priority and context.*, which filters note; Missing() of others.
expression::Value OfContext(const metadata::Annotations* notes, expression::Attribute which);
// Null: there is none.
const metadata::Value* BaggageIn(const metadata::Annotations* notes);
expression::Value NamesOf(const metadata::Value& object, base::Arena& arena);

// Of what surrounds a request: its flags, the host's locality, the virtual host, the listener, the node. Of maps whether
// they are there. Missing() of others.
expression::Value OfSurroundings(const RequestRecord& record, expression::Attribute which);
// An entry of a map of metadata that is configured; NoSuchKey where there is none.
expression::Value FindConfigured(const RequestRecord& record, expression::Attribute map, std::string_view name,
                                 base::Arena& arena);

// Of a TLS connection, which null is not: its version, and what its certificates say.
expression::Value OfTls(tls::Facts* facts, expression::Attribute which);

}  // namespace pillion::telemetry
