#pragma once

// How a tcp_proxy's bytes travel within a request of HTTP.

#include <string>

#include "source/config/header_edits.h"
#include "source/telemetry/text_format.h"

namespace pillion::config {

struct Tunneling {
  telemetry::TextFormat hostname;  // that CONNECT asks for, or the authority of a POST
  bool post = false;
  std::string post_path = "/";
  HeaderEdits headers;
  // The answer's are noted as objects of the filter state.
  bool notes_headers = false;
  bool notes_trailers = false;
};

}  // namespace pillion::config
