#pragma once

// What hostile or broken peers send (the rows are those of the list of hostile inputs: A framing, B lines and
// fields, C hop-by-hop, D responses, E limits), and what the codecs make of it. The fuzz targets start from the
// same bytes.

#include <string>
#include <vector>

namespace pillion::codec::http1 {

struct HostileCase {
  const char* row;
  std::string bytes;
  std::string log;  // what the receivers are told, as recorder.h writes it
};

// For a server; each request that is complete is answered with an empty 200.
std::vector<HostileCase> HostileRequests();

// For a client that has sent GET, or what the row says.
struct HostileResponse : HostileCase {
  const char* method = "GET";
  const char* upgrade = "";
};
std::vector<HostileResponse> HostileResponses();

}  // namespace pillion::codec::http1
