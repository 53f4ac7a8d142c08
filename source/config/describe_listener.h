#pragma once

// What a record is told of the listener that something came by.

#include "source/config/listener.h"
#include "source/telemetry/request_record.h"

namespace pillion::config {

inline void DescribeListener(const Listener& listener, telemetry::RequestRecord& record) {
  record.listener_metadata = ValueOf(listener.metadata);
  record.listener_direction = static_cast<uint8_t>(listener.direction);
  record.node = listener.node.get();
}

}  // namespace pillion::config
