#pragma once

// An HTTP request as expressions and decisions see it: what its stream knows, asked for when it is needed. Made where
// something is decided, on the stack or in the stream's arena; it is a view of the stream at that moment, and not kept
// beyond it.

#include <optional>
#include <string_view>

#include "source/access/request.h"
#include "source/expression/attributes.h"
#include "source/filter/stream_context.h"
#include "source/telemetry/request_record.h"

namespace pillion::filter {

class RequestAttributes final : public expression::Attributes {
 public:
  // Where filters note what a request costs and how important it is: numbers, "cost" and "priority".
  static constexpr std::string_view kSpace = "pillion.request";

  explicit RequestAttributes(StreamContext& stream) : stream_(stream) {}

  expression::Value Get(expression::Attribute which, base::Arena& arena) const override;
  expression::Value Find(expression::Attribute map, const expression::Key& key, base::Arena& arena) const override;
  // Of fields and baggage; other maps are known by their entries only: an error.
  expression::Value Keys(expression::Attribute map, base::Arena& arena) const override;

 private:
  expression::Value OfRequest(expression::Attribute which) const;
  expression::Value OfResponse(expression::Attribute which) const;
  expression::Value OfConnection(expression::Attribute which) const;
  expression::Value OfTls(expression::Attribute which) const;
  const metadata::Value* NotedBaggage() const;
  // The fields of a map of them; null: there are none.
  const http::HeaderMap* FieldsOf(expression::Attribute map) const;
  expression::Value FindField(expression::Attribute map, const expression::Key& key, base::Arena& arena) const;
  expression::Value FindMetadata(expression::Attribute map, std::string_view space, base::Arena& arena) const;

  const telemetry::RequestRecord& record() const;
  const access::Request& access() const;

  StreamContext& stream_;
  mutable std::optional<telemetry::RequestRecord> record_;
  mutable std::optional<access::Request> access_;
};

}  // namespace pillion::filter
