// Writes the rows of the hostile inputs as seeds of the HTTP/1 fuzz targets.

#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

#include "test/unit/codec/http1/hostile_cases.h"

namespace {

using pillion::codec::http1::HostileRequests;
using pillion::codec::http1::HostileResponse;
using pillion::codec::http1::HostileResponses;

constexpr size_t kLargest = 3000;

// "A1 two fields" -> "a1_two_fields", with a number behind what is there already.
std::string FileName(std::string_view row, std::map<std::string, int>& taken) {
  std::string name;
  for (const char c : row) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      name += static_cast<char>(std::tolower(c));
    else if (!name.empty() && name.back() != '_')
      name += '_';
  }
  const int again = taken[name]++;
  return again == 0 ? name : name + "_" + std::to_string(again);
}

void Write(const std::string& path, char options, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out << options << '\x03' << bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 1;
  }
  const std::string folder = argv[1];
  std::map<std::string, int> taken;
  for (const auto& c : HostileRequests()) {
    if (c.bytes.size() > kLargest) continue;
    Write(folder + "/http1_server/" + FileName(c.row, taken), '\x0a', c.bytes);
  }
  taken.clear();
  for (const HostileResponse& c : HostileResponses()) {
    if (c.bytes.size() > kLargest) continue;
    const char request = c.method == std::string_view("HEAD") ? 1 : *c.upgrade != '\0' ? 4 : 0;
    Write(folder + "/http1_client/" + FileName(c.row, taken), static_cast<char>(request | 8), c.bytes);
  }
  return 0;
}
