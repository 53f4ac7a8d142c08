#pragma once

// The branch of a distributed transaction that a record belongs to: properties that are passed on untouched, and shown to
// routing, logs and metrics. Views of the record's headers.

#include <string_view>

namespace pillion::context {

struct Transaction {
  std::string_view xid;        // vivoTX_xid
  std::string_view branch_id;  // vivoTX_branch_id
  std::string_view timeout;    // vivoTX_timeout

  // Takes `value` if `name`, in exactly this spelling, is one of the properties. Of several the last one counts.
  bool Take(std::string_view name, std::string_view value) {
    std::string_view* const property = name == "vivoTX_xid"         ? &xid
                                       : name == "vivoTX_branch_id" ? &branch_id
                                       : name == "vivoTX_timeout"   ? &timeout
                                                                    : nullptr;
    if (property == nullptr) return false;
    *property = value;
    return true;
  }
};

}  // namespace pillion::context
