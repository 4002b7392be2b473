//! The services of a machine in memory: those of which a state was planted, under the rules of the service manager.

use super::{MemoryMachine, MemoryWriter};
use crate::formats::service::ServiceName;
use crate::formats::upcase;
use crate::machine::services::dependencies;
use crate::machine::{ServiceControl, WriteError};
use crate::model::fact::Observed;
use crate::model::probe::{Answer, Probe, ServiceState};
use crate::model::services::Services;

/// What the machine tells of its services.
pub fn told(machine: &MemoryMachine) -> Observed<Services> {
    Ok(Services { graph: dependencies(machine)?, controllable: is_running(machine) })
}

/// Whether the state of any service was planted.
pub fn is_running(machine: &MemoryMachine) -> bool {
    machine.running.borrow().answers.keys().any(|probe| matches!(probe, Probe::ServiceState { .. }))
}

fn is_of(probe: &Probe, service: &ServiceName) -> bool {
    matches!(probe, Probe::ServiceState { service: known } if upcase::eq(known, service.as_str()))
}

/// Services follow the rules of the service manager; one that is planted as changing does what nobody asked for.
impl ServiceControl for MemoryWriter<'_> {
    fn state(&mut self, service: &ServiceName) -> Observed<Option<ServiceState>> {
        let running = self.machine.running.borrow();
        Ok(running.answers.iter().find_map(|(probe, answer)| match answer {
            Answer::State(state) if is_of(probe, service) => Some(*state),
            _ => None,
        }))
    }

    fn stop(&mut self, service: &ServiceName) -> Result<(), WriteError> {
        let refused = |detail: String| Err(WriteError::refused(format!("stop {service}"), detail));
        let graph = told(self.machine).map_err(|unread| WriteError::failed("stop a service", unread))?.graph;
        for dependant in graph.dependants(std::slice::from_ref(service)) {
            if !matches!(self.state(&dependant), Ok(None | Some(ServiceState::Stopped))) {
                return refused(format!("{dependant} needs it and has not stopped"));
            }
        }
        self.turn(service, ServiceState::Stopped)
    }

    fn start(&mut self, service: &ServiceName) -> Result<(), WriteError> {
        self.turn(service, ServiceState::Running)
    }
}

/// What follows is not staged: services turn when they are told to.
impl MemoryWriter<'_> {
    fn turn(&self, service: &ServiceName, to: ServiceState) -> Result<(), WriteError> {
        let mut running = self.machine.running.borrow_mut();
        let known = running.answers.iter_mut().find(|(probe, _)| is_of(probe, service)).map(|(_, answer)| answer);
        let refused = |detail| Err(WriteError::refused(format!("turn {service}"), detail));
        match known {
            Some(Answer::State(ServiceState::Changing)) => refused("it does not answer"),
            Some(answer) => {
                *answer = Answer::State(to);
                self.machine.turned.borrow_mut().push((service.as_str().into(), to));
                Ok(())
            }
            None => refused("there is no such service"),
        }
    }
}
