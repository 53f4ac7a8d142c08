#pragma once

// The request of a question, as rules and expressions see it. What only a stream knows (sizes, what filters note while it
// goes on) is missing. Lives for one answer, as all that it is made of does.

#include <optional>

#include "source/access/connection_attributes.h"
#include "source/access/request.h"
#include "source/context/extract.h"
#include "source/expression/attributes.h"
#include "source/metadata/annotations.h"
#include "source/telemetry/record_attributes.h"

namespace pillion::explain {

class Asked final : public expression::Attributes {
 public:
  // `request` has a head; its notes are this one's from now on.
  Asked(const access::Request& request, std::string_view route_name, base::WallTime now, base::Arena& arena);

  // As the filter of contexts does that trusts the sender: what his fields say is noted.
  void TakeContext(context::CarrierSet read);

  const access::Request& request() const { return request_; }
  const context::Context* context() const { return extraction_ ? &extraction_->context : nullptr; }  // null: none is taken
  base::WallTime now() const { return record_.start_time; }
  base::Arena& arena() const { return arena_; }

  // expression::Attributes
  expression::Value Get(expression::Attribute which, base::Arena& arena) const override;
  expression::Value Find(expression::Attribute map, const expression::Key& key, base::Arena& arena) const override {
    return of_record_.Find(map, key, arena);
  }
  expression::Value Keys(expression::Attribute map, base::Arena& arena) const override {
    return of_record_.Keys(map, arena);
  }

 private:
  base::Arena& arena_;
  access::Request request_;
  metadata::Annotations notes_;
  std::optional<context::Extraction> extraction_;
  telemetry::RequestRecord record_;
  const telemetry::RecordAttributes of_record_{record_};
  const access::ConnectionAttributes of_connection_;
};

}  // namespace pillion::explain
