#include "source/proxy/worker_context.h"

#include <ctime>

namespace pillion::proxy {

std::string_view DateText::At(base::WallTime now) {
  const int64_t second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (second != second_) {
    second_ = second;
    const std::time_t time = second;
    std::tm parts;
    gmtime_r(&time, &parts);
    std::strftime(text_, sizeof text_, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  }
  return {text_, kSize};
}

}  // namespace pillion::proxy
