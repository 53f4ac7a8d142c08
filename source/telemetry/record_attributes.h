#pragma once

// A request, or a connection, that is over, as expressions see it: for filters and operators of logs. A view of its record.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "source/expression/attributes.h"
#include "source/expression/catalog.h"
#include "source/expression/program.h"
#include "source/telemetry/request_record.h"

namespace pillion::telemetry {

class RecordAttributes final : public expression::Attributes {
 public:
  explicit RecordAttributes(const RequestRecord& record) : record_(record) {}

  expression::Value Get(expression::Attribute which, base::Arena& arena) const override;
  expression::Value Find(expression::Attribute map, const expression::Key& key, base::Arena& arena) const override;
  // Of fields and baggage; other maps are known by their entries only: an error.
  expression::Value Keys(expression::Attribute map, base::Arena& arena) const override;

 private:
  expression::Value OfConnection(expression::Attribute which) const;
  // Null: there are none.
  const http::HeaderMap* FieldsOf(expression::Attribute map) const;

  const RequestRecord& record_;
};

using ExpressionOfRecords = std::shared_ptr<const expression::Program>;

// What is known when all is over may be asked for. `result` as of expression::CompileOptions.
absl::StatusOr<ExpressionOfRecords> CompileForRecords(std::string_view text, std::optional<expression::Kind> result = {});

bool IsTrue(const expression::Program& program, const RequestRecord& record);

// Its value, behind what `out` has: as a text, or in JSON where it has a type that JSON knows. It allocates nothing once
// `out` is warm.
enum class Written : uint8_t { kNothing, kText, kJson };  // kNothing: it failed, or what it gives has no text
Written WriteText(const expression::Program& program, const RequestRecord& record, std::string& out);
Written WriteTyped(const expression::Program& program, const RequestRecord& record, std::string& out);

}  // namespace pillion::telemetry
