#pragma once

// What access logs say of TLS connections and of the certificates on both ends.

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "source/telemetry/request_record.h"

namespace pillion::telemetry {

struct TlsOperator {
  std::string_view name;  // between the percent signs
  // A text, which may lie in `scratch`; empty: there is none. Null: it is a date.
  std::string_view (*text)(const RequestRecord& record, std::string& scratch);
  // None: there is none.
  std::optional<absl::Time> (*date)(const RequestRecord& record) = nullptr;
};

// Null: it is none of these.
const TlsOperator* FindTlsOperator(std::string_view name);

}  // namespace pillion::telemetry
