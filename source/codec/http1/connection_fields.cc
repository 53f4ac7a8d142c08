#include "source/codec/http1/connection_fields.h"

#include <cstring>

#include "source/http/syntax.h"

namespace pillion::codec::http1 {
namespace {

using http::EqualsIgnoreCase;
using http::HeaderId;

// Each option costs a look at every field; nobody needs more of them.
constexpr size_t kMaxOptions = 32;

std::string_view Join(base::Arena& arena, std::string_view a, std::string_view b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  char* joined = static_cast<char*>(arena.Allocate(a.size() + 1 + b.size(), 1));
  std::memcpy(joined, a.data(), a.size());
  joined[a.size()] = ',';
  std::memcpy(joined + a.size() + 1, b.data(), b.size());
  return {joined, a.size() + 1 + b.size()};
}

}  // namespace

void ConnectionFields::Add(base::Arena& arena, HeaderId id, std::string_view value) {
  switch (id) {
    case HeaderId::kHost:
      host = value;
      ++host_fields;
      break;
    case HeaderId::kConnection:
      connection = Join(arena, connection, value);
      break;
    case HeaderId::kTransferEncoding:
      if (transfer_encoding_fields++ == 0) transfer_encoding = value;
      break;
    case HeaderId::kUpgrade:
      http::ForEachListElement(value, [this](std::string_view protocol) {
        if (upgrade.empty() && !EqualsIgnoreCase(protocol, "h2c")) upgrade = protocol;
        return upgrade.empty();
      });
      break;
    case HeaderId::kTe:
      http::ForEachListElement(value, [this](std::string_view coding) {
        te_trailers = te_trailers || EqualsIgnoreCase(coding, "trailers");
        return true;
      });
      break;
    case HeaderId::kExpect:
      (EqualsIgnoreCase(value, "100-continue") ? expect_continue : expect_other) = true;
      break;
    default:  // of no use beyond this connection, and of none here
      break;
  }
}

bool ConnectionFields::Finish(http::HeaderMap& headers) {
  if (connection.empty()) return true;
  size_t options = 0;
  return http::ForEachListElement(connection, [&](std::string_view option) {
    if (++options > kMaxOptions) return false;
    if (EqualsIgnoreCase(option, "keep-alive")) {
      keep_alive = true;
    } else if (EqualsIgnoreCase(option, "close")) {
      close = true;
    } else if (EqualsIgnoreCase(option, "upgrade")) {
      connection_upgrade = true;
    } else {
      headers.RemoveIf([option](const http::HeaderField& field) {
        return EqualsIgnoreCase(field.name(), option) && field.id != HeaderId::kContentLength;
      });
    }
    return true;
  });
}

ConnectionFields::Coding ConnectionFields::TransferCoding() const {
  if (transfer_encoding_fields == 0) return Coding::kNone;
  if (transfer_encoding_fields > 1) return Coding::kInvalid;
  if (EqualsIgnoreCase(transfer_encoding, "chunked")) return Coding::kChunked;
  // Something that was understood and is not spoken here, or something else?
  size_t codings = 0;
  size_t chunked = 0;
  bool last_is_chunked = false;
  const bool tokens = http::ForEachListElement(transfer_encoding, [&](std::string_view coding) {
    ++codings;
    last_is_chunked = EqualsIgnoreCase(coding, "chunked");
    chunked += last_is_chunked;
    return http::IsToken(coding);
  });
  if (!tokens || codings == 0 || (chunked > 0 && (chunked > 1 || !last_is_chunked || codings == 1))) {
    return Coding::kInvalid;
  }
  return Coding::kUnsupported;
}

}  // namespace pillion::codec::http1
